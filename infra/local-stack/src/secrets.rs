use std::io;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use payment_system::SECRET_KEY;
use serde::Deserialize;
use serde_json::json;
use webhook::{Secret, Secrets};

use crate::{
    aws::{Aws, SSM},
    error::{Context as _, Result},
};

/// The name of the parameter with the secrets that sign deliveries.
pub(crate) const PARAMETER: &str = "/jangteo/data-platform/secrets";

/// The name of the parameter with the secret key of the payment provider.
pub(crate) const PAYMENT_PARAMETER: &str = "/jangteo/payments/secret";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    #[serde(default)]
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    value: String,
}

/// The secrets in the parameter of the emulator. If it has none, it gets a new one.
///
/// A secret lives as long as the state of the emulator. With a new one at each start, events that waited in the queue
/// would be signed with the old one, and the data platform would refuse them for good.
pub(crate) async fn ensure(aws: &Aws) -> Result<Secrets> {
    let request = json!({ "Names": [PARAMETER], "WithDecryption": true });
    let answer = aws.call(&SSM, "GetParameters", &request).await?;
    let found: Found = serde_json::from_slice(&answer).map_err(io::Error::other).context("read a parameter")?;
    if let Some(secrets) = found.parameters.first().and_then(|parameter| parameter.value.parse().ok()) {
        return Ok(secrets);
    }
    let secret = new_webhook_secret()?;
    put(aws, PARAMETER, &secret).await?;
    secret.parse().map_err(io::Error::other).context("make a secret")
}

/// Puts the provider's secret key into its parameter. The key is the same for each local provider.
pub(crate) async fn put_payment_key(aws: &Aws) -> Result<()> {
    put(aws, PAYMENT_PARAMETER, SECRET_KEY).await
}

async fn put(aws: &Aws, name: &str, value: &str) -> Result<()> {
    let request = json!({ "Name": name, "Type": "SecureString", "Value": value, "Overwrite": true });
    aws.call(&SSM, "PutParameter", &request).await.map(drop)
}

/// A new random secret that signs deliveries, as the text of its parameter.
///
/// # Errors
/// If the operating system has no randomness.
pub fn new_webhook_secret() -> Result<String> {
    let mut random = [0; 32];
    SystemRandom::new().fill(&mut random).map_err(io::Error::other).context("draw random bytes")?;
    Ok(Secret::text(&random))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{Json, Router, body::Bytes, http::HeaderMap, routing::post};
    use serde_json::{Value, json};
    use webhook::Secrets;

    use super::*;
    use crate::server::Servers;

    /// A store that holds this value at first, and the calls that put another.
    async fn ensured(value: Option<&str>) -> (Secrets, Vec<Value>) {
        let (servers, puts) = (Servers::new().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let (value, kept) = (value.map(|value| json!({ "Name": PARAMETER, "Value": value })), Arc::clone(&puts));
        let store = Router::new().route(
            "/",
            post(async move |headers: HeaderMap, body: Bytes| {
                if headers["x-amz-target"] == "AmazonSSM.PutParameter" {
                    kept.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                }
                Json(json!({ "Parameters": Vec::from_iter(value.clone()) }))
            }),
        );
        let port = servers.serve(0, store).await.unwrap();
        let secrets = ensure(&Aws::new(format!("http://127.0.0.1:{port}")).unwrap()).await.unwrap();
        let puts = puts.lock().unwrap().clone();
        (secrets, puts)
    }

    fn signature(secrets: &Secrets) -> String {
        secrets.sign(webhook::Message { id: "e", timestamp: 0, body: b"" })
    }

    #[tokio::test]
    async fn a_secret_is_kept_and_a_missing_or_malformed_one_is_made() {
        let kept = new_webhook_secret().unwrap();
        let (secrets, puts) = ensured(Some(&kept)).await;
        assert_eq!((signature(&secrets), puts), (signature(&kept.parse().unwrap()), vec![]));
        for value in [None, Some("hunter2")] {
            let (secrets, puts) = ensured(value).await;
            let [put] = puts.as_slice() else { panic!("{puts:?}") };
            assert_eq!((&put["Name"], &put["Type"]), (&json!(PARAMETER), &json!("SecureString")));
            assert_eq!(signature(&secrets), signature(&put["Value"].as_str().unwrap().parse().unwrap()));
        }
    }

    #[test]
    fn secrets_differ() {
        assert_ne!(new_webhook_secret().unwrap(), new_webhook_secret().unwrap());
    }
}
