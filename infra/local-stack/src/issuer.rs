use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Context as _, Result};

/// The audience of all tokens; the template's parameter `JwtAudience` is set to it.
pub(crate) const AUDIENCE: &str = "jangteo";

const KEY_ID: &str = "local";
const LIFETIME: Duration = Duration::from_hours(1);

/// An issuer of identity. It stands for the Cognito user pool of the deployed shop, as far as its authorizer can see.
/// The key is made at the start and never leaves this process.
///
/// Over HTTP it answers discovery (`GET /.well-known/openid-configuration`, which leads to the public key). It also
/// answers `POST /token {"sub":"kim","groups":["admin"]}` with a token, for trying the deployed API by hand. The claim
/// of groups is copied from the request, a list or not.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    url: String,
    key: Arc<KeyPair>,
}

impl Issuer {
    /// An issuer with the address `url`.
    pub(crate) fn new(url: String) -> Result<Self> {
        let key = KeyPair::generate(KeySize::Rsa2048).map_err(io::Error::other).context("make a key")?;
        Ok(Self { url, key: Arc::new(key) })
    }

    /// A token for the user `sub`, in the form of Cognito's.
    pub(crate) fn token(&self, sub: &str, groups: &Value) -> Result<String> {
        let now = seconds_since_epoch();
        let claims = Claims { iss: &self.url, aud: AUDIENCE, sub, iat: now, exp: now + LIFETIME.as_secs(), groups };
        self.sign(&claims).map_err(io::Error::other).context("sign a token")
    }

    fn sign(&self, claims: &Claims<'_>) -> Result<String, aws_lc_rs::error::Unspecified> {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": KEY_ID });
        let [header, claims] = [header, json!(claims)].map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()));
        let signed = format!("{header}.{claims}");
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)?;
        Ok(format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature)))
    }

    pub(crate) fn router(&self) -> Router {
        let key_set_url = format!("{}/.well-known/jwks.json", self.url);
        let discovery = Json(json!({
            "issuer": self.url,
            "jwks_uri": key_set_url,
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }));
        let key_set = Json(self.key_set());
        let issuer = self.clone();
        Router::new()
            .route("/.well-known/openid-configuration", get(async || discovery))
            .route("/.well-known/jwks.json", get(async || key_set))
            .route("/token", post(async move |Json(request): Json<TokenRequest>| issuer.answer(&request)))
    }

    fn key_set(&self) -> Value {
        let key = self.key.public_key();
        let [modulus, exponent] = [key.modulus(), key.exponent()]
            .map(|number| BASE64URL_NOPAD.encode(number.big_endian_without_leading_zero()));
        json!({ "keys": [{ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": modulus, "e": exponent }] })
    }

    fn answer(&self, request: &TokenRequest) -> Response {
        match self.token(&request.sub, &request.groups) {
            Ok(token) => token.into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

/// The claims of a token that the authorizer and the shop read.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
    /// A user in no group has no such claim.
    #[serde(rename = "cognito:groups", skip_serializing_if = "is_no_group")]
    groups: &'a Value,
}

fn is_no_group(groups: &Value) -> bool {
    groups.is_null() || groups.as_array().is_some_and(Vec::is_empty)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    sub: String,
    #[serde(default)]
    groups: Value,
}

#[expect(clippy::disallowed_methods, reason = "the verifier goes by the machine's clock")]
fn seconds_since_epoch() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{rsa::PublicKeyComponents, signature::RSA_PKCS1_2048_8192_SHA256};
    use data_encoding::BASE64URL_NOPAD;
    use serde_json::{Value, json};

    use super::Issuer;
    use crate::{Ports, server::Servers};

    /// Takes the way of an authorizer: from the issuer's address to its key, with which the token must verify.
    #[tokio::test]
    async fn its_tokens_verify_with_the_key_that_discovery_leads_to() {
        let (servers, port) = (Servers::new().unwrap(), Ports::free().unwrap().issuer);
        let url = format!("http://127.0.0.1:{port}");
        let issuer = Issuer::new(url.clone()).unwrap();
        servers.serve(port, issuer.router()).await.unwrap();

        let discovery: Value = get(&format!("{url}/.well-known/openid-configuration")).await;
        let keys: Value = get(discovery["jwks_uri"].as_str().unwrap()).await;
        let token = issuer.token("kim", &json!(["ADMIN"])).unwrap();

        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let [header, claims] = [header, claims].map(|part| serde_json::from_slice::<Value>(&decoded(part)).unwrap());
        let key = &keys["keys"][0];
        assert_eq!((&header["alg"], &header["kid"]), (&json!("RS256"), &key["kid"]));
        let [n, e] = ["n", "e"].map(|number| decoded(key[number].as_str().unwrap()));
        PublicKeyComponents { n, e }
            .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decoded(signature))
            .unwrap();

        assert_eq!(claims["iss"], discovery["issuer"]);
        assert_eq!(claims["aud"], "jangteo");
        assert_eq!(claims["sub"], "kim");
        assert_eq!(claims["cognito:groups"], json!(["ADMIN"]));
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);
    }

    async fn get(url: &str) -> Value {
        reqwest::get(url).await.unwrap().json().await.unwrap()
    }

    fn decoded(part: &str) -> Vec<u8> {
        BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()
    }
}
