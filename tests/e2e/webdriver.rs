//! A headless browser, driven over the WebDriver protocol of the W3C by `chromedriver`.

use std::{
    fs,
    io::{BufRead, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use data_encoding::BASE64;
use reqwest::Method;
use serde_json::{Value, json};

/// The times that an element is looked for again.
const TRIES: usize = 10;

/// The key of an element in answers, as the protocol fixes it.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Checks of accessibility: axe-core 4.14.1 (MPL-2.0), as its package has it.
const AXE: &str = "tests/e2e/axe/axe.min.js";

/// The variable by which a machine says that it must have a browser. Elsewhere a test without one is left out.
const REQUIRED: &str = "JANGTEO_BROWSER";

/// The settings of a browser.
#[derive(Clone, Copy)]
pub struct Visitor {
    pub language: &'static str,
    /// A window 375 pixels wide.
    pub has_phone: bool,
    pub is_dark: bool,
}

impl Default for Visitor {
    fn default() -> Self {
        Self { language: "en", has_phone: false, is_dark: false }
    }
}

/// A browser with one empty window. It ends with this value.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    client: reqwest::Client,
}

impl Browser {
    /// Starts a browser, if this machine has one.
    pub async fn start() -> Option<Self> {
        Self::start_as(Visitor::default()).await
    }

    /// Starts a browser of this visitor, if this machine has one.
    pub async fn start_as(visitor: Visitor) -> Option<Self> {
        Self::start_with(visitor, &[]).await
    }

    /// Starts a browser that keeps its data in this folder, if this machine has one.
    pub async fn start_in(folder: &Path) -> Option<Self> {
        Self::start_with(Visitor::default(), &[&format!("--user-data-dir={}", folder.display())]).await
    }

    async fn start_with(visitor: Visitor, options: &[&str]) -> Option<Self> {
        let (driver, port) = start_driver()?;
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(150)).build().unwrap();
        let mut browser = Self { driver, port, session: String::new(), client };
        // A container has neither the namespaces of the sandbox nor a large /dev/shm.
        let language = format!("--accept-lang={}", visitor.language);
        let common = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-proxy-server",
            "--window-size=1280,900",
            &language,
        ];
        let arguments = [&common[..], options].concat();
        // A click does not wait for the page that it leads to, so each element is waited for.
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments, "prefs": { "intl.accept_languages": visitor.language } },
            "goog:loggingPrefs": { "browser": "ALL" },
            // A check of the whole reference takes a busy machine most of a minute.
            "timeouts": { "implicit": 20_000, "script": 120_000 },
        });
        let wanted = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let started = browser.call(Method::POST, "/session", &wanted).await;
        browser.session = format!("/session/{}", started["sessionId"].as_str().expect("a session"));
        if visitor.has_phone {
            let phone = json!({ "width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": true });
            browser.command("Emulation.setDeviceMetricsOverride", &phone).await;
        }
        let scheme = if visitor.is_dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.command("Emulation.setEmulatedMedia", &features).await;
        Some(browser)
    }

    /// Kills the browser with all its processes, as a machine without memory does.
    pub fn kill(mut self) {
        // The driver leads the group.
        let group = format!("-{}", self.driver.id());
        let status = Command::new("kill").args(["-KILL", "--", &group]).status().unwrap();
        assert!(status.success(), "the browser has ended already");
        self.driver.wait().unwrap();
    }

    /// Opens an address.
    pub async fn open(&self, url: &str) {
        self.call_session(Method::POST, "/url", &json!({ "url": url })).await;
    }

    /// Clicks on the element of a CSS selector.
    pub async fn click(&self, selector: &str) {
        self.call_element(selector, Method::POST, "click", &json!({})).await;
    }

    /// The text that the element of a CSS selector shows.
    pub async fn text(&self, selector: &str) -> String {
        let text = self.call_element(selector, Method::GET, "text", &Value::Null).await;
        text.as_str().expect("text").to_owned()
    }

    /// The address that the window shows.
    pub async fn url(&self) -> reqwest::Url {
        let url = self.call_session(Method::GET, "/url", &Value::Null).await;
        url.as_str().expect("an address").parse().unwrap()
    }

    /// The value that a script in the page returns.
    pub async fn script(&self, script: &str) -> Value {
        self.call_session(Method::POST, "/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// The value that a script in the page hands to its last argument.
    pub async fn script_with_callback(&self, script: &str) -> Value {
        self.call_session(Method::POST, "/execute/async", &json!({ "script": script, "args": [] })).await
    }

    /// The violations that axe finds in the page as it is.
    pub async fn violations(&self) -> Value {
        let axe = fs::read_to_string(local_stack::repository().join(AXE)).unwrap();
        self.script(&format!("if (!window.axe) {{ {axe} }}; return 0")).await;
        self.script_with_callback(
            "const done = arguments[arguments.length - 1]; axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => \
             done(violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => [html, failureSummary]) }))), (error) => done([String(error)]))",
        )
        .await
    }

    /// Goes into a frame of the page, by its number.
    pub async fn enter_frame(&self, number: usize) {
        self.call_session(Method::POST, "/frame", &json!({ "id": number })).await;
    }

    /// Presses these keys where the focus is.
    pub async fn press(&self, keys: &str) {
        let focused = self.call_session(Method::GET, "/element/active", &Value::Null).await;
        let element = focused[ELEMENT].as_str().expect("an element");
        self.call_session(Method::POST, &format!("/element/{element}/value"), &json!({ "text": keys })).await;
    }

    /// The messages of the page and of the browser about it, since the last call.
    pub async fn messages(&self) -> Vec<String> {
        let entries = self.call_session(Method::POST, "/se/log", &json!({ "type": "browser" })).await;
        entries.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Keeps a picture of the whole page in `target/screenshots`.
    pub async fn keep_picture(&self, name: &str) {
        let size = self.script("const { scrollWidth, scrollHeight } = document.documentElement; return [scrollWidth, Math.min(scrollHeight, 4000)];").await;
        let clip = json!({ "x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1 });
        let capture = json!({ "captureBeyondViewport": true, "clip": clip, "optimizeForSpeed": true });
        let picture = self.command("Page.captureScreenshot", &capture).await;
        let picture = BASE64.decode(picture["data"].as_str().unwrap().as_bytes()).unwrap();
        let folder = local_stack::repository().join("target/screenshots");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }

    /// A command of the browser's own protocol.
    async fn command(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.call_session(Method::POST, "/goog/cdp/execute", &body).await
    }

    async fn element(&self, selector: &str) -> String {
        let by = json!({ "using": "css selector", "value": selector });
        let found = self.call_session(Method::POST, "/element", &by).await;
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    /// Does something with the element of a selector. The page may draw it anew after it was found.
    async fn call_element(&self, selector: &str, method: Method, what: &str, body: &Value) -> Value {
        for _ in 0..TRIES {
            let element = self.element(selector).await;
            let path = format!("{}/element/{element}/{what}", self.session);
            match self.try_call(method.clone(), &path, body).await {
                Err(failure) if failure["error"] == "stale element reference" => {}
                answer => return answer.unwrap_or_else(|failure| panic!("{what} {selector}: {failure}")),
            }
        }
        panic!("{selector} is never at rest");
    }

    async fn call_session(&self, method: Method, path: &str, body: &Value) -> Value {
        self.call(method, &format!("{}{path}", self.session), body).await
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        self.try_call(method, path, body).await.unwrap_or_else(|failure| panic!("{path}: {failure}"))
    }

    /// The value of an answer, or that of a failure.
    async fn try_call(&self, method: Method, path: &str, body: &Value) -> Result<Value, Value> {
        let request = self.client.request(method, format!("http://127.0.0.1:{}{path}", self.port));
        let request = if body.is_null() { request } else { request.json(body) };
        let answer = request.send().await.unwrap();
        let is_good = answer.status().is_success();
        let body: Value = answer.json().await.unwrap();
        let value = body["value"].clone();
        if is_good { Ok(value) } else { Err(value) }
    }
}

/// Starts a driver, if this machine has one. A port of its own choice is free for IPv6 alone.
fn start_driver() -> Option<(Child, u16)> {
    let port = local_stack::free_port().unwrap();
    let mut command = Command::new("chromedriver");
    command.arg(format!("--port={port}")).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let Ok(mut driver) = command.spawn() else {
        assert!(std::env::var_os(REQUIRED).is_none(), "{REQUIRED} is set, and there is no chromedriver");
        println!("chromedriver is not installed: no browser opens the pages");
        return None;
    };
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("started successfully")), "chromedriver does not start on port {port}");
    Some((driver, port))
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser would outlive its driver.
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = write!(stream, "DELETE {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", self.session);
            let _ = stream.read(&mut [0; 64]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
