use std::time::Duration;

use reqwest::{
    Client, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;

/// The bodies of the requests that seed a fresh shop.
const SAMPLE_DATA: &str = include_str!("../sample-data.json");

#[derive(Deserialize)]
struct SampleData {
    users: Vec<Value>,
    products: Vec<Value>,
    coupons: Vec<Value>,
    charges: Vec<Value>,
}

/// The shop's API, as an administrator.
pub(crate) struct Door {
    url: String,
    headers: Vec<(&'static str, String)>,
}

impl Door {
    /// Under the local runner.
    pub(crate) fn local(url: String) -> Self {
        Self { url, headers: vec![("x-user-id", "admin".to_owned()), ("x-user-role", "ADMIN".to_owned())] }
    }

    /// As deployed, by a token.
    pub(crate) fn deployed(url: String, token: &str) -> Self {
        Self { url, headers: vec![(AUTHORIZATION.as_str(), format!("Bearer {token}"))] }
    }
}

/// Puts the sample data in through the shop's own API, as an administrator would. Existing data stays unchanged.
pub(crate) async fn put_in(door: &Door) -> Result<(), Failure> {
    let data: SampleData = serde_json::from_str(SAMPLE_DATA).map_err(failure)?;
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().map_err(failure)?;
    for (path, things) in [
        ("/users", data.users),
        ("/products", data.products),
        ("/coupons", data.coupons),
        ("/balance/charge", data.charges),
    ] {
        for thing in things {
            create(&client, door, path, &thing).await?;
        }
    }
    Ok(())
}

async fn create(client: &Client, door: &Door, path: &str, thing: &Value) -> Result<(), Failure> {
    let url = format!("{}{path}", door.url);
    let mut request = client.post(&url).header(CONTENT_TYPE, "application/json");
    // The key makes a charge of the first start the same request at each later one.
    if path == "/balance/charge" {
        request = request.header("idempotency-key", format!("sample-data-{}", thing["userId"]).replace('"', ""));
    }
    let request = door.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
    let request = request.body(thing.to_string());
    let answer = request.send().await.map_err(failure)?;
    let status = answer.status();
    let body = answer.text().await.map_err(failure)?;
    if status.is_success() || (status == StatusCode::CONFLICT && body.contains("\"ALREADY_EXISTS\"")) {
        return Ok(());
    }
    Err(Failure::SampleData(format!("POST {url} answered {status} {body}")))
}

fn failure(error: impl ToString) -> Failure {
    Failure::SampleData(error.to_string())
}
