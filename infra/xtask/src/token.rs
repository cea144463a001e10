//! `cargo xtask token`: signs a user in to the stack's user pool, or asks the issuer of the local stack.

use std::{
    env,
    io::{self, IsTerminal as _},
};

use clap::Args;
use serde_json::{Value, json};

use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Options {
    /// The client of the user pool: the stack's output `UserPoolClientId`
    #[arg(long, required_unless_present = "local")]
    client: Option<String>,

    /// The user, by e-mail address; at the local stack by id
    #[arg(long)]
    user: String,

    /// Ask the issuer of the local stack, which wants no password
    #[arg(long, conflicts_with = "client")]
    local: bool,

    /// The address of that issuer
    #[arg(long, default_value = "http://localhost:9200")]
    issuer: String,

    /// A group of the user at the local stack: `admin` or `seller`
    #[arg(long, conflicts_with = "client")]
    group: Vec<String>,

    /// The region of the stack; without it `AWS_REGION`
    #[arg(long)]
    region: Option<String>,
}

/// The variable with the password. Arguments of a command are visible to others on the machine.
const PASSWORD: &str = "JANGTEO_PASSWORD";

/// Prints an access token, valid for an hour. Cognito needs no credentials of AWS for it.
pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    if options.local {
        println!("{}", local(options).await?);
        return Ok(());
    }
    let region = options.region.clone().or_else(|| variable("AWS_REGION")).ok_or(Failure::NoRegion)?;
    let request = json!({
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": options.client,
        "AuthParameters": { "USERNAME": options.user, "PASSWORD": password()? },
    });
    let answer = reqwest::Client::new()
        .post(user_pools(&region))
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AWSCognitoIdentityProviderService.InitiateAuth")
        .body(request.to_string())
        .send()
        .await
        .map_err(Failure::Http)?;
    let body = answer.bytes().await.map_err(Failure::Http)?;
    println!("{}", token(&serde_json::from_slice(&body).unwrap_or_default())?);
    Ok(())
}

/// A token of the local issuer, for the deployed API at the local stack.
async fn local(options: &Options) -> Result<String, Failure> {
    let client = reqwest::Client::builder().no_proxy().build().map_err(Failure::Http)?;
    let request = json!({ "sub": options.user, "groups": options.group });
    let answer = client.post(format!("{}/token", options.issuer)).json(&request).send().await.map_err(Failure::Http)?;
    answer.error_for_status().map_err(Failure::Http)?.text().await.map_err(Failure::Http)
}

/// The address of the user pools of a region, or of the emulator that the AWS CLI would find.
pub(crate) fn user_pools(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    variable("AWS_ENDPOINT_URL").unwrap_or_else(|| format!("https://cognito-idp.{region}.{suffix}"))
}

fn variable(name: &str) -> Option<String> {
    env::var_os(name)?.into_string().ok()
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}

fn password() -> Result<String, Failure> {
    if let Some(password) = variable(PASSWORD) {
        return Ok(password);
    }
    if io::stdin().is_terminal() {
        eprintln!("Password (it shows; set {PASSWORD} to avoid that):");
    }
    let mut password = String::new();
    io::stdin().read_line(&mut password)?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}

/// The token in Cognito's answer, or the reason why there is none.
fn token(answer: &Value) -> Result<&str, Failure> {
    if let Some(token) = text(answer, "/AuthenticationResult/AccessToken") {
        return Ok(token);
    }
    let reason = text(answer, "/ChallengeName").or_else(|| text(answer, "/message"));
    Err(Failure::NotSignedIn(reason.unwrap_or("no reason given").to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_user_has_to_set_a_password_first() {
        assert_eq!(token(&json!({ "AuthenticationResult": { "AccessToken": "t" } })).unwrap(), "t");
        let challenge = token(&json!({ "ChallengeName": "NEW_PASSWORD_REQUIRED" })).unwrap_err();
        assert!(challenge.to_string().contains("NEW_PASSWORD_REQUIRED"));
        let wrong = json!({ "__type": "NotAuthorizedException", "message": "Incorrect username or password." });
        assert!(token(&wrong).unwrap_err().to_string().contains("Incorrect username or password."));
    }
}
