//! A target on a real socket that answers as it is told.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
};

/// Answers every request with the current reply.
pub(super) struct Target {
    pub(super) address: SocketAddr,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    reply: Reply,
    /// Replies of certain paths.
    at: BTreeMap<String, Reply>,
    requests: Vec<String>,
    /// Answers of the current reply.
    said: usize,
}

/// What a target answers.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// These bytes, and no more.
    Bytes(Vec<u8>),
    /// A body without end.
    Endless,
    /// Nothing, and the connection stays.
    Silent,
    /// Nothing, and the connection ends.
    Close,
    /// These bytes once the gate is open.
    Held(Vec<u8>, Arc<Notify>),
}

impl Reply {
    pub(super) fn body(status: u16, content_type: &str, encoding: &str, body: &[u8]) -> Self {
        let mut head = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in [("Content-Type", content_type), ("Content-Encoding", encoding)] {
            if !value.is_empty() {
                head += &format!("{name}: {value}\r\n");
            }
        }
        Self::Bytes([head.as_bytes(), b"\r\n", body].concat())
    }

    pub(super) fn status(status: u16) -> Self {
        Self::body(status, "text/plain", "", b"")
    }

    pub(super) fn redirect(to: &str) -> Self {
        Self::Bytes(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes())
    }
}

impl Target {
    /// A target that answers this text.
    pub(super) async fn start(text: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let reply = Reply::body(200, "text/plain; version=0.0.4", "", text.as_bytes());
        let state = Arc::new(Mutex::new(State { reply, at: BTreeMap::new(), requests: Vec::new(), said: 0 }));
        let accepting = state.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(serve(connection, accepting.clone()));
            }
        });
        Self { address, state, _tasks: tasks }
    }

    pub(super) fn say(&self, text: &str) {
        self.reply(Reply::body(200, "text/plain; version=0.0.4", "", text.as_bytes()));
    }

    pub(super) fn reply(&self, reply: Reply) {
        let mut state = self.state.lock().unwrap();
        (state.reply, state.said) = (reply, 0);
    }

    /// What is answered at this path.
    pub(super) fn reply_at(&self, path: &str, content_type: &str, body: &str) {
        let reply = Reply::body(200, content_type, "", body.as_bytes());
        self.state.lock().unwrap().at.insert(path.to_owned(), reply);
    }

    /// The head of a request.
    pub(super) fn request(&self, index: usize) -> String {
        self.state.lock().unwrap().requests[index].clone()
    }

    pub(super) fn requests(&self) -> usize {
        self.state.lock().unwrap().requests.len()
    }

    /// The heads of all requests that begin so.
    pub(super) fn requests_of(&self, beginning: &str) -> Vec<String> {
        let requests = self.state.lock().unwrap().requests.clone();
        requests.into_iter().filter(|head| head.starts_with(beginning)).collect()
    }

    /// How often the current reply was given.
    pub(super) fn said(&self) -> usize {
        self.state.lock().unwrap().said
    }
}

async fn serve(mut connection: TcpStream, state: Arc<Mutex<State>>) {
    let mut received = Vec::new();
    loop {
        let Some(head) = read(&mut connection, &mut received).await else { return };
        let reply = {
            let mut state = state.lock().unwrap();
            state.requests.push(head);
            state.said += 1;
            let path = state.requests.last().and_then(|head| head.split(' ').nth(1)).unwrap_or_default();
            state.at.get(path).unwrap_or(&state.reply).clone()
        };
        match reply {
            Reply::Bytes(bytes) => {
                if connection.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Reply::Held(bytes, gate) => {
                gate.notified().await;
                if connection.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Reply::Endless => {
                let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n";
                let mut written = connection.write_all(head).await;
                while written.is_ok() {
                    written = connection.write_all(&[b'#'; 4096]).await;
                }
                return;
            }
            Reply::Silent => std::future::pending().await,
            Reply::Close => return,
        }
    }
}

/// The next request, head and body.
async fn read(connection: &mut TcpStream, received: &mut Vec<u8>) -> Option<String> {
    loop {
        let text = String::from_utf8(received.clone()).unwrap();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let whole = head.len() + 4 + length.map_or(0, |length| length.parse::<usize>().unwrap());
            if received.len() >= whole {
                received.drain(..whole);
                return Some(text[..whole].to_owned());
            }
        }
        connection.read_buf(received).await.ok().filter(|read| *read > 0)?;
    }
}
