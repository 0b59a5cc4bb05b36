//! The example does what its page promises.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output},
    time::{Duration, Instant},
};

const BINARY: &str = env!("CARGO_BIN_EXE_my-collector");

fn config() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config.yaml")
}

fn run(args: &[&str]) -> Output {
    Command::new(BINARY).args(args).arg("--config").arg(config()).output().unwrap()
}

#[test]
fn its_config_validates_and_its_component_is_listed() {
    let validated = run(&["validate"]);
    assert!(validated.status.success(), "{}", String::from_utf8_lossy(&validated.stderr));
    let listed = Command::new(BINARY).arg("components").output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("owner"));
}

#[test]
fn an_unknown_key_of_the_component_is_refused_with_a_suggestion() {
    let refused = run(&["validate", "--set=processors.owner.taem=x"]);
    assert!(!refused.status.success());
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(message.contains("taem") && message.contains("team"), "{message}");
}

#[test]
fn a_span_that_passes_gets_the_attribute() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let log = tempfile::NamedTempFile::new().unwrap();
    let child = Command::new(BINARY)
        .arg("--config")
        .arg(config())
        .env("OTLP_HTTP_PORT", port.to_string())
        .stdout(log.reopen().unwrap())
        .stderr(log.reopen().unwrap())
        .spawn()
        .unwrap();
    let _running = Killed(child);

    let mut stream = until(|| TcpStream::connect(("127.0.0.1", port)).ok());
    let body = r#"{"resourceSpans":[{"resource":{},"scopeSpans":[{"spans":[{
        "traceId":"5b8aa5a2d2c872e8321cf37308d69df2","spanId":"051581bf3cb55c13","name":"checkout"}]}]}]}"#;
    let length = body.len();
    write!(
        stream,
        "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let printed = until(|| {
        let text = std::fs::read_to_string(log.path()).unwrap();
        text.contains("checkout").then_some(text)
    });
    assert!(printed.contains("team: Str(payments)"), "{printed}");
}

/// The first value that `ready` finds, within ten seconds.
fn until<T>(mut ready: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(Instant::now() < deadline, "not within ten seconds");
        std::thread::sleep(Duration::from_millis(5));
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
