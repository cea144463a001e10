use local_stack::{Config, LocalStack, Ports, repository};

use crate::{failure::Failure, sample, stop_signal};

/// Runs the shop until Ctrl-C. Whatever ends this function, also in the middle of the start, ends all it has started.
pub(crate) async fn run(fresh: bool, port_offset: u16) -> Result<(), Failure> {
    let config = Config { fresh, ports: Ports::WELL_KNOWN.shifted(port_offset), ..Config::dev() };
    let steps = config.steps;
    tokio::select! {
        failed = serve(config) => failed,
        stopped = stop_signal() => {
            eprintln!();
            steps.begin("stopping; the data stays for the next start");
            stopped
        }
    }
}

/// Returns only if something fails.
async fn serve(config: Config) -> Result<(), Failure> {
    let steps = config.steps;
    let mut stack = LocalStack::start(config).await?;
    steps.begin("putting in sample data");
    sample::put_in(&stack.local_url()).await?;
    steps.begin("ready");
    show_tour(&stack);
    Err(stack.failure().await.into())
}

fn show_tour(stack: &LocalStack) {
    let [shop, data_platform, payment_system, api, issuer] =
        [stack.local_url(), stack.data_platform_url(), stack.payment_system_url(), stack.api_url(), stack.issuer_url()]
            .map(|url| url.replace("http://127.0.0.1", "localhost"));
    let logs = stack.functions_log();
    let logs = logs.strip_prefix(repository()).unwrap_or(&logs).display();
    println!(
        r#"
The shop is at {shop}. Things to try, in another terminal:

  # Kim puts 200,000 won on the balance.
  curl {shop}/balance/charge -H 'content-type: application/json' -d '{{"userId":"kim","amount":200000}}'

  # Look around: the products, and what sells best.
  curl {shop}/products
  curl {shop}/products/top

  # Take a coupon and order two products with it, paid from the balance.
  curl {shop}/coupons/issue -H 'content-type: application/json' -d '{{"userId":"kim","couponId":"welcome"}}'
  curl {shop}/orders -H 'content-type: application/json' -d '{{"userId":"kim","couponId":"welcome",
    "items":[{{"productId":"yugi","quantity":1}},{{"productId":"hanji","quantity":2}}]}}'

  # The balance and the stock have fallen, and the order has reached the data platform.
  curl {shop}/balance/kim
  curl {shop}/products/hanji
  curl {data_platform}/received

  # The payment system lets payments of {{"payment":"EXTERNAL"}} succeed, until it is told how they end.
  curl -X PUT {payment_system}/users/kim/behaviour -H 'content-type: application/json' -d '[{{"result":"FAILED"}}]'
  curl {payment_system}/requests

  # The same API as deployed, with its authorizer in front.
  TOKEN=$(curl -s {issuer}/token -H 'content-type: application/json' -d '{{"sub":"kim"}}')
  curl "{api}/orders?userId=kim" -H "authorization: Bearer $TOKEN"

The functions write their logs to {logs}. Ctrl-C stops everything."#
    );
}
