// `GET /balance/{userId}` in Node with the AWS SDK, with a runtime client of its own: a measure of comparison.
import http from "node:http";
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true });
const table = new DynamoDBClient({ endpoint: process.env.AWS_ENDPOINT_URL });

const read = async (pk, sk) => {
  const key = { pk: { S: pk }, sk: { S: sk } };
  const answer = await table.send(new GetItemCommand({ TableName: process.env.TABLE_NAME, Key: key, ConsistentRead: true }));
  return answer.Item;
};

const reply = (statusCode, code, data) => ({
  statusCode,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ code, message: code, data }),
});

const handle = async (event, requestId) => {
  const started = performance.now();
  const user = event.pathParameters.userId;
  let answer;
  if (event.requestContext.authorizer.jwt.claims.sub !== user) {
    answer = reply(403, "FORBIDDEN");
  } else {
    const account = await read(`USER#${user}`, "ACCOUNT");
    answer = account
      ? reply(200, "SUCCESS", { userId: user, balance: Number(account.balance.N) })
      : reply(404, "NOT_FOUND");
  }
  const duration = performance.now() - started;
  console.log(JSON.stringify({ level: "INFO", requestId, path: event.rawPath, status: answer.statusCode, duration }));
  return answer;
};

const call = (method, path, body) =>
  new Promise((resolve, reject) => {
    const request = http.request({ host, port, agent, method, path: `/2018-06-01/runtime/invocation/${path}` }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => resolve({ headers: answer.headers, body: Buffer.concat(chunks) }));
    });
    request.on("error", reject);
    request.end(body);
  });

// Connected in the initialisation, as the functions of the shop are.
await read("NOTHING", "NOTHING");
for (;;) {
  const { headers, body } = await call("GET", "next");
  const requestId = headers["lambda-runtime-aws-request-id"];
  await call("POST", `${requestId}/response`, JSON.stringify(await handle(JSON.parse(body), requestId)));
}
