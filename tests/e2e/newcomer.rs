//! The first hour of a newcomer: every command that the README, the tour, the start of the stack and the API reference show, as
//! they are shown, typed into the shells that people use.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use local_stack::{Ports, functions, repository};
use serde_json::Value;
use tests::night::is_night;

use crate::stack::{Api, eventually, turn};

/// The time that a start may take.
const START: Duration = Duration::from_secs(120);

/// `cargo xtask dev` or `emulator`, as a developer starts it, on other ports and with a state of its own.
struct Running {
    process: Child,
    folder: PathBuf,
    ports: Ports,
    output: String,
}

impl Running {
    async fn start(command: &str, name: &str) -> Self {
        let binaries = functions().await.unwrap();
        let folder = repository().join(".local").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let (offset, ports) = free_offset(name.len());
        let mut process = Command::new(binaries.path("xtask").unwrap())
            .args([command, "--fresh", "--port-offset", &offset.to_string()])
            .env("JANGTEO_STATE_DIR", &folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.with_extension("log")).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let reading = tokio::task::spawn_blocking(move || {
            let mut output = String::new();
            // The last line says how to stop it.
            while let Some(Ok(line)) = lines.next() {
                output.push_str(&line);
                output.push('\n');
                if line.contains("Ctrl-C stops everything") {
                    return Some(output);
                }
            }
            None
        });
        let output = tokio::time::timeout(START, reading).await.unwrap().unwrap();
        let log = || fs::read_to_string(folder.with_extension("log")).unwrap_or_default();
        let output = output.unwrap_or_else(|| panic!("{command} did not start: {}", log()));
        Self { process, folder, ports, output }
    }

    /// A text with the usual ports replaced by those of this run.
    fn here(&self, text: &str) -> String {
        let usual = Ports::WELL_KNOWN;
        let ports = [
            (usual.gateway, self.ports.gateway),
            (usual.emulator, self.ports.emulator),
            (usual.data_platform, self.ports.data_platform),
            (usual.issuer, self.ports.issuer),
            (usual.payment_system, self.ports.payment_system),
        ];
        ports.iter().fold(text.to_owned(), |text, (usual, port)| {
            text.replace(&format!("localhost:{usual}"), &format!("localhost:{port}"))
        })
    }

    /// Types lines into an interactive shell, one after the other. Returns its calls of curl and cargo, each with its
    /// outcome.
    fn type_into(&self, shell: Shell, lines: &str) -> Typed {
        let bin = self.folder.join("bin");
        let log = self.folder.join("calls");
        fs::create_dir_all(&bin).unwrap();
        let _ = fs::remove_file(&log);
        // curl, but for a record of each answer's status, and again where busy cores let a function run out of time; and
        // `cargo xtask` without building it once more.
        let xtask = repository().join("target/debug/xtask");
        for (name, script) in [
            ("curl", "#!/bin/sh\n/usr/bin/env PATH=\"$REAL_PATH\" curl --noproxy '*' -sS --retry 5 --retry-delay 1 \"$@\" -w '%{stderr}CALL %{http_code} '\"$(printf %s \"$*\" | tr '\\n%' '  ')\"'\\n' 2>> \"$CALLS\"\n".to_owned()),
            ("cargo", format!("#!/bin/sh\n[ \"$1\" = xtask ] || exit 9\nshift\nPATH=\"$REAL_PATH\" \"{}\" \"$@\"\nresult=$?\necho \"CALL $result cargo xtask $*\" >> \"$CALLS\"\nexit $result\n", xtask.display())),
        ] {
            let file = bin.join(name);
            fs::write(&file, script).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = std::env::var_os("PATH").unwrap();
        let mut process = Command::new(shell.program)
            .args(shell.interactive)
            .env("REAL_PATH", &path)
            .env("PATH", format!("{}:{}", bin.display(), path.to_str().unwrap()))
            .env("CALLS", &log)
            .env("JANGTEO_STATE_DIR", &self.folder)
            .env("HISTFILE", "/dev/null")
            .current_dir(repository())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(self.folder.join("complaints")).unwrap())
            .spawn()
            .unwrap();
        process.stdin.take().unwrap().write_all(format!("{lines}\nexit 0\n").as_bytes()).unwrap();
        let output = process.wait_with_output().unwrap();
        let complaints = fs::read_to_string(self.folder.join("complaints")).unwrap();
        assert!(output.status.success(), "{complaints}");
        let calls = fs::read_to_string(&log).unwrap_or_default();
        let calls = calls.lines().filter_map(|line| line.strip_prefix("CALL ")?.split_once(' '));
        let calls = calls.map(|(outcome, call)| (outcome.to_owned(), call.to_owned())).collect();
        Typed { calls, output: String::from_utf8_lossy(&output.stdout).into_owned(), complaints }
    }

    fn stop(mut self) {
        Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After a failed test. All children of the process end with it.
        let _ = self.process.kill();
    }
}

/// The result of typing into a shell.
struct Typed {
    calls: Vec<(String, String)>,
    output: String,
    complaints: String,
}

impl Typed {
    /// Asserts that each call succeeded. A call with the text of an exception in it has the outcome of that exception.
    fn assert_outcomes(&self, exceptions: &[(&str, &str)]) {
        for (outcome, call) in &self.calls {
            let exception = exceptions.iter().find(|(text, _)| call.contains(text)).map(|(_, outcome)| *outcome);
            let is_good = exception.map_or(outcome.starts_with('2') || outcome == "0", |expected| outcome == expected);
            assert!(is_good, "{outcome}: {call}\n{}", self.output);
        }
        for complaint in ["not found", "no matches", "parse error", "syntax error", "unexpected", "bad pattern"] {
            assert!(!self.complaints.contains(complaint), "{complaint}: {}", self.complaints);
        }
    }
}

/// A shell, and the options that make it interactive.
#[derive(Clone, Copy)]
struct Shell {
    program: &'static str,
    interactive: &'static [&'static str],
}

const BASH: Shell = Shell { program: "bash", interactive: &["--norc", "--noprofile", "-i"] };
// Without start-up files, as on a new Mac: `#` begins no comment then.
const ZSH: Shell = Shell { program: "zsh", interactive: &["-f", "-i"] };

impl Shell {
    fn is_there(self) -> bool {
        let is_there = Command::new(self.program).args(["-c", "exit 0"]).status().is_ok_and(|status| status.success());
        if !is_there {
            println!("{} is not installed: the documented commands are not tried in it", self.program);
        }
        is_there
    }
}

/// Ports that are free, all at the same distance from the usual ones. `salt` sets where the search begins.
fn free_offset(salt: usize) -> (u16, Ports) {
    let offsets = (0_u16..200).map(|step| 1_000 + u16::try_from(salt % 50).unwrap() * 401 + step * 7);
    let free = offsets.map(|offset| (offset, Ports::WELL_KNOWN.shifted(offset))).find(|(_, ports)| {
        let Ports { emulator, gateway, watch, data_platform, issuer, payment_system } = *ports;
        [emulator, gateway, watch, data_platform, issuer, payment_system]
            .iter()
            .all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
    });
    free.expect("some ports are free")
}

fn page(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// The README and every page of `docs`.
fn pages() -> Vec<String> {
    let mut pages = vec![page("README.md")];
    let mut folders = vec![repository().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    pages
}

/// The blocks of a document that are fenced as this language.
fn blocks<'t>(document: &'t str, language: &str) -> Vec<&'t str> {
    let fence = format!("```{language}\n");
    document.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The commands that the start of the stack prints, which are indented.
fn indented(text: &str) -> String {
    let commands = text.lines().filter_map(|line| line.strip_prefix("  "));
    commands.map(|command| format!("{command}\n")).collect()
}

/// The samples of the reference that a shop serves, of one language.
fn samples(reference: &Value, label: &str) -> Vec<String> {
    let operations =
        reference["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let operations = operations.filter(|operation| operation["operationId"].is_string());
    let of_language = |operation: &Value| {
        let mut samples = operation["x-codeSamples"].as_array().unwrap().iter();
        let sample = samples.find(|sample| sample["label"] == label).unwrap();
        sample["source"].as_str().unwrap().to_owned()
    };
    let samples: Vec<_> = operations.map(of_language).collect();
    assert!(samples.len() > 60, "{}", samples.len());
    samples
}

/// The line before the output of each sample.
const NEXT: &str = "=== next";

/// Runs samples as programs, the status of whose answers is the first word of their output.
fn run(program: &str, arguments: &[&str], input: &str, samples: &[String]) {
    let mut process = Command::new(program)
        .args(arguments)
        .env("NO_PROXY", "*")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let outputs: Vec<&str> = text.split(NEXT).skip(1).collect();
    assert_eq!(outputs.len(), samples.len(), "{text}{errors}");
    for (sample, output) in samples.iter().zip(outputs) {
        // No refund of the sample data has failed: the sample shows the form of the call.
        let expected = if sample.contains("/refunds/") { "404" } else { "2" };
        assert!(output.trim_start().starts_with(expected), "{sample}\n{output}{errors}");
    }
}

/// TypeScript of the reference is JavaScript as well. A block of a module has names of its own.
fn typescript_works(running: &Running, samples: &[String]) {
    if Command::new("node").arg("--version").output().is_err() {
        println!("Node.js is not installed: the samples in TypeScript are not tried");
        return;
    }
    let block = |sample: &String| format!("console.log(\"\\n{NEXT}\");\n{{\n{}\n}}\n", running.here(sample));
    let module: String = samples.iter().map(block).collect();
    run("node", &["--input-type=module", "-"], &module, samples);
}

/// Runs each sample with names of its own. A refusal is an exception of the library; a sample is run again where busy cores
/// let a function run out of time.
const PYTHON: &str = r#"
import json, sys, time, urllib.error
for source in json.load(sys.stdin):
    print("\n=== next", flush=True)
    for seconds in [1, 1, 1, 1, 1, 0]:
        try:
            exec(source, {})
        except urllib.error.HTTPError as error:
            if seconds and error.code >= 500:
                time.sleep(seconds)
                continue
            print(error.code, error.read().decode())
        break
"#;

fn python_works(running: &Running, samples: &[String]) {
    let here: Vec<String> = samples.iter().map(|sample| running.here(sample)).collect();
    run("python3", &["-c", PYTHON], &serde_json::to_string(&here).unwrap(), samples);
}

/// Calls of the samples that were made in another language before, and a retry: no refund of the sample data has failed.
const DONE_BEFORE: [(&str, &str); 6] = [
    ("/refunds/", "404"),
    (r#""userId":"mina""#, "409"),
    (r#""userId":"bora""#, "409"),
    ("hallabong-tea", "409"),
    ("welcome-5000", "409"),
    (r#""couponId":"harvest""#, "409"),
];

/// All documented commands work on the shop that `cargo xtask dev` starts.
async fn documented_commands_work_in(shell: Shell, name: &str, others_work: impl Fn(&Running, &Value)) {
    let _turn = turn().await;
    let running = Running::start("dev", name).await;

    let readme = blocks(&page("README.md"), "sh").concat();
    let typed = running.type_into(shell, &running.here(&readme));
    typed.assert_outcomes(&[]);
    assert!(typed.calls.len() > 5, "{:?}", typed.calls);

    // The tour's failure is meant: there are not 999 hanji.
    let tour = blocks(&page("docs/tour.md"), "sh").concat();
    let typed = running.type_into(shell, &running.here(&tour));
    typed.assert_outcomes(&[(r#""quantity":999"#, "409")]);
    assert!(typed.calls.len() > 40, "{:?}", typed.calls);
    assert!(typed.output.contains("ledger entries of 1 users chain"), "{}", typed.output);
    let environment =
        running.type_into(shell, "eval \"$(cargo xtask env)\"\necho \"at $AWS_ENDPOINT_URL in $AWS_REGION\"");
    assert!(environment.output.contains(&format!("at http://127.0.0.1:{} in ap-northeast-2", running.ports.emulator)));

    // After the tour Kim has that coupon, and has used it; everything else can be done again.
    let typed = running.type_into(shell, &indented(&running.output));
    typed.assert_outcomes(&[("/coupons/issue", "409"), (r#""couponId":"welcome""#, "409")]);
    assert!(typed.calls.len() > 10, "{:?}", typed.calls);

    let shop = Api::new(format!("http://127.0.0.1:{}", running.ports.gateway));
    let reference = shop.get("/openapi.json").await.body;
    others_work(&running, &reference);
    let typed = running.type_into(shell, &running.here(&(samples(&reference, "curl").join("\n") + "\n")));
    typed.assert_outcomes(&DONE_BEFORE);
    assert!(typed.calls.len() > 80, "{:?}", typed.calls);
    running.stop();
}

/// By day in one shell, which is the one that refuses more: an unquoted `?` in an address, for example.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documented_commands_work() {
    if ZSH.is_there() {
        let others_work = |running: &Running, reference: &Value| python_works(running, &samples(reference, "Python"));
        documented_commands_work_in(ZSH, "e2e-newcomer-in-zsh", others_work).await;
    }
    if is_night() || !ZSH.is_there() {
        let others_work =
            |running: &Running, reference: &Value| typescript_works(running, &samples(reference, "TypeScript"));
        documented_commands_work_in(BASH, "e2e-newcomer-in-bash", others_work).await;
    }
}

/// An interactive zsh takes no comments, and both shells run text between backticks.
#[test]
fn documented_blocks_can_be_pasted() {
    let pages = pages();
    let shown: Vec<&str> = pages.iter().flat_map(|page| [blocks(page, "sh"), blocks(page, "shell")].concat()).collect();
    assert!(shown.len() > 25, "{}", shown.len());
    for block in shown {
        assert!(!block.contains('`') && !block.contains('!'), "{block}");
        let has_comment = block.lines().any(|line| line.trim_start().starts_with('#') || line.contains(" #"));
        assert!(!has_comment, "{block}");
        for shell in [BASH, ZSH].into_iter().filter(|shell| shell.is_there()) {
            let mut parse = Command::new(shell.program).arg("-n").stdin(Stdio::piped()).spawn().unwrap();
            parse.stdin.take().unwrap().write_all(block.as_bytes()).unwrap();
            assert!(parse.wait().unwrap().success(), "{}: {block}", shell.program);
        }
    }
}

/// After `cargo xtask emulator` alone, `cargo lambda watch` and `cargo lambda invoke` work with the checked-in
/// environment file. But for its port, which is not free on every machine, it is that of the deployment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cargo_lambda_finds_the_emulator() {
    const FILE: &str = "infra/local-stack/functions.env";
    let _turn = turn().await;
    let running = Running::start("emulator", "e2e-emulator").await;
    let checked_in = fs::read_to_string(repository().join(FILE)).unwrap();
    let deployed = fs::read_to_string(running.folder.join("environment")).unwrap();
    let table = deployed.lines().find(|line| line.starts_with("TABLE_NAME=")).unwrap();
    assert!(checked_in.lines().any(|line| line == table), "{FILE} should have {table}");
    assert!(checked_in.contains("AWS_ENDPOINT_URL=http://127.0.0.1:4566\n"));

    let folder = running.folder.join("sources");
    fs::create_dir_all(folder.join("infra/local-stack")).unwrap();
    for source in ["Cargo.toml", "Cargo.lock", "functions", "shared"] {
        symlink(repository().join(source), folder.join(source)).unwrap();
    }
    fs::write(folder.join(FILE), checked_in.replace(":4566", &format!(":{}", running.ports.emulator))).unwrap();
    let address = if TcpListener::bind("[::1]:0").is_ok() { "::1" } else { "127.0.0.1" };
    let port = running.ports.gateway;
    let watch = Lambda::start(&folder, address, port, &running.folder.join("watch.log"));
    eventually("cargo lambda watch listens", || async {
        TcpStream::connect((address, port)).map_err(|it| it.to_string())
    })
    .await;

    let invoke = Command::new(program("cargo-lambda"))
        .args(["lambda", "invoke", "list-products", "--invoke-address", address, "--invoke-port", &port.to_string()])
        .arg("--data-file")
        .arg(repository().join("infra/local-stack/list-products.json"))
        .output()
        .unwrap();
    let answer = String::from_utf8_lossy(&invoke.stdout).into_owned() + &String::from_utf8_lossy(&invoke.stderr);
    assert!(invoke.status.success() && answer.contains(r#"\"code\":\"SUCCESS\""#), "{answer}");

    // Behind this runner's own door the functions refuse foreign pages themselves.
    let host = if address == "::1" { "[::1]" } else { address };
    let shop = Api::new(format!("http://{host}:{port}"));
    assert_eq!(shop.get("/balance/kim").await.data()["balance"], 1_000_000);
    for foreign in [("origin", "http://evil.example"), ("host", "evil.example"), ("sec-fetch-site", "cross-site")] {
        assert_eq!(shop.with(foreign.0, foreign.1).get("/balance/kim").await.code(), "FORBIDDEN", "{foreign:?}");
    }
    drop(watch);
    running.stop();
}

fn program(name: &str) -> PathBuf {
    repository().join(".local/tools/bin").join(name)
}

/// `cargo lambda watch` as a developer starts it.
struct Lambda(Child);

impl Lambda {
    /// Starts it in a folder of sources. The log stands elsewhere: a change in the folder starts all functions anew.
    fn start(folder: &Path, address: &str, port: u16, log: &Path) -> Self {
        let log = fs::File::create(log).unwrap();
        let process = Command::new(program("cargo-lambda"))
            .args([
                "lambda",
                "watch",
                "--invoke-address",
                address,
                "--invoke-port",
                &port.to_string(),
                "--manifest-path",
            ])
            .arg(repository().join("Cargo.toml"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Self(process.unwrap())
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.0.kill();
    }
}
