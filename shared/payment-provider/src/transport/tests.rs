use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

fn request() -> Request {
    Request {
        method: Method::Post,
        path: "/v1/payments/confirm".to_owned(),
        secret: SecretKey::new("test_sk".to_owned()),
        idempotency_key: Some("confirm:p:k".to_owned()),
        body: Some("{}".to_owned()),
    }
}

/// Sends the request to a server that answers with these bytes, or never. Returns what the server read, too.
async fn exchange(answer: Option<Vec<u8>>, time_limit: Duration) -> (Result<Answer, NoAnswer>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/base/", listener.local_addr().unwrap()).parse().unwrap();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut read = vec![0; 4096];
        let count = socket.read(&mut read).await.unwrap();
        read.truncate(count);
        if let Some(answer) = answer {
            // The client may close the connection first.
            let _ = socket.write_all(&answer).await;
        } else {
            let _ = socket.read(&mut [0]).await;
        }
        String::from_utf8(read).unwrap()
    });
    let answer = HttpTransport::new(&base, time_limit).unwrap().send(request()).await;
    (answer, server.await.unwrap())
}

fn with_body(length: usize) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + length, b' ');
    answer
}

#[tokio::test]
async fn a_request_carries_key_and_secret_and_is_answered_whatever_the_status() {
    let refusal = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\n{}".to_vec();
    let (answer, read) = exchange(Some(refusal), HttpTransport::TIME_LIMIT).await;
    assert_eq!(answer, Ok(Answer { status: 403, body: b"{}".to_vec() }));
    assert!(read.starts_with("POST /base/v1/payments/confirm HTTP/1.1\r\n"), "{read}");
    for line in ["authorization: Basic dGVzdF9zazo=", "idempotency-key: confirm:p:k", "content-type: application/json"]
    {
        assert!(read.contains(&format!("\r\n{line}\r\n")), "{line}: {read}");
    }
}

#[tokio::test]
async fn silence_ends_at_the_time_limit() {
    let (answer, _) = exchange(None, Duration::from_millis(50)).await;
    assert!(answer.is_err());
}

#[tokio::test]
async fn a_redirection_is_an_answer() {
    let redirection = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec();
    assert_eq!(exchange(Some(redirection), HttpTransport::TIME_LIMIT).await.0.unwrap().status, 302);
}

#[tokio::test]
async fn an_answer_has_a_bound() {
    let longest = exchange(Some(with_body(HttpTransport::MAX_ANSWER)), HttpTransport::TIME_LIMIT).await.0;
    assert_eq!(longest.unwrap().body.len(), HttpTransport::MAX_ANSWER);
    let longer = exchange(Some(with_body(HttpTransport::MAX_ANSWER + 1)), HttpTransport::TIME_LIMIT).await.0;
    assert_eq!(longer, Err(NoAnswer("an answer of more than 65536 bytes".to_owned())));
}

#[tokio::test]
async fn an_unreachable_provider_gives_no_answer_and_shows_no_secret() {
    let transport = HttpTransport::new(&"http://127.0.0.1:1".parse().unwrap(), Duration::from_secs(1)).unwrap();
    let NoAnswer(reason) = transport.send(request()).await.unwrap_err();
    assert!(!reason.contains("127.0.0.1:1"), "{reason}");
    assert!(!format!("{:?}", request()).contains("test_sk"));
}

#[test]
fn an_address_is_encrypted_or_on_this_machine() {
    let is_taken = |url: &str| HttpTransport::new(&url.parse().unwrap(), Duration::from_secs(1)).is_ok();
    for private in ["https://api.tosspayments.com", "http://localhost:9300", "http://127.0.0.1:9300", "http://[::1]"] {
        assert!(is_taken(private), "{private}");
    }
    for open in [
        "http://api.tosspayments.com",
        "http://localhost@api.example",
        "http://127.0.0.1.api.example",
        "http://0.0.0.0",
        "ftp://localhost",
    ] {
        assert!(!is_taken(open), "{open}");
    }
}
