use std::time::Duration;

use reqwest::{Client, StatusCode, header::CONTENT_TYPE};
use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;

/// The bodies of the requests that furnish a fresh shop.
const SAMPLE_DATA: &str = include_str!("../sample-data.json");

#[derive(Deserialize)]
struct SampleData {
    users: Vec<Value>,
    products: Vec<Value>,
    coupons: Vec<Value>,
}

/// Puts the sample data in through the shop's own API, as an administrator would. What is there already stays as it
/// is.
pub(crate) async fn put_in(shop: &str) -> Result<(), Failure> {
    let data: SampleData = serde_json::from_str(SAMPLE_DATA).map_err(failure)?;
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().map_err(failure)?;
    for (path, things) in [("/users", data.users), ("/products", data.products), ("/coupons", data.coupons)] {
        for thing in things {
            create(&client, &format!("{shop}{path}"), &thing).await?;
        }
    }
    Ok(())
}

async fn create(client: &Client, url: &str, thing: &Value) -> Result<(), Failure> {
    let request = client
        .post(url)
        .header(CONTENT_TYPE, "application/json")
        .header("x-user-id", "admin")
        .header("x-user-role", "ADMIN")
        .body(thing.to_string());
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
