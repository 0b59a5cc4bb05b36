//! A backend of HTTP.

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use sluice_component::{Kind, host::Process, testkit};
use sluice_net::http::{Handler, Incoming, Response, Server, ServerSettings};

use super::backend;

pub(crate) type Backend = backend::Backend<Response>;

#[async_trait]
impl Handler for Backend {
    async fn handle(&self, mut request: Incoming) -> Response {
        if request.path() != self.path {
            return answer(404, &[], b"unknown path");
        }
        let headers = request.headers.clone();
        let (body, _permit) = request.read().await.unwrap();
        self.answer(headers, body).unwrap_or_else(|| answer(200, &[], b""))
    }
}

impl backend::Answer for Response {
    type Server = Server;

    async fn serve(backend: Arc<Backend>, process: &Arc<Process>, endpoint: &str) -> (Server, SocketAddr) {
        let host = testkit::host(process, Kind::Receiver, "backend");
        let server = Server::start(&ServerSettings::at(endpoint), "", &host, backend).await.unwrap();
        let address = server.addresses()[0];
        (server, address)
    }
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &'static [u8]) -> Response {
    let mut builder = http::Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Bytes::from_static(body).into()).unwrap()
}
