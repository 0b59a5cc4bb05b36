//! Runs the binary and reads what it prints.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    process::{Child, ChildStderr, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a command did.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SLUICE_")) {
        command.env_remove(name);
    }
    command
}

/// Runs a command that ends by itself.
pub fn sluice(arguments: &[&str]) -> Done {
    let output = command().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A configuration file that goes with the value.
pub struct File(tempfile::NamedTempFile);

impl File {
    pub fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }
}

pub fn file(text: &str) -> File {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    File(file)
}

/// Answers one request with this body and gives the address.
pub fn target(content_type: &str, body: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let length = body.len();
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _read = stream.read(&mut request).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
    });
    address
}

/// A collector that runs and logs JSON to standard error.
pub struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    lines: Vec<Value>,
}

impl Running {
    pub fn start(arguments: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child =
            command().args(arguments).envs(env.iter().copied()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, lines: Vec::new() }
    }

    /// Reads the log up to the line with this message.
    pub fn wait_for(&mut self, message: &str) -> Value {
        while let Some(line) = self.next() {
            if line["msg"] == message {
                return line;
            }
        }
        panic!("ended without `{message}`: {:#?}", self.lines);
    }

    fn next(&mut self) -> Option<Value> {
        let mut text = String::new();
        self.stderr.read_line(&mut text).unwrap();
        if text.is_empty() {
            return None;
        }
        let line: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
        self.lines.push(line.clone());
        Some(line)
    }

    /// The line with this message, among those read so far.
    pub fn line(&self, message: &str) -> &Value {
        let found = self.lines.iter().find(|line| line["msg"] == message);
        found.unwrap_or_else(|| panic!("no `{message}` in {:#?}", self.lines))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Reads the rest of the log and gives the exit code.
    pub fn wait(&mut self) -> i32 {
        while self.next().is_some() {}
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap();
            }
            assert!(Instant::now() < end, "does not end");
            std::thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only a test that failed still has it running.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
