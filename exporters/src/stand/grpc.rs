//! A backend of gRPC.

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use sluice_component::{Kind, host::Process, testkit};
use sluice_net::grpc::{Call, Routes, Server, ServerSettings, Status, Unary};

use super::backend;

pub(crate) type Answer = Result<Bytes, Status>;
pub(crate) type Backend = backend::Backend<Answer>;

#[async_trait]
impl Unary for Backend {
    async fn call(&self, call: Call) -> Answer {
        self.answer(call.headers, call.message).unwrap_or_else(|| Ok(Bytes::new()))
    }
}

impl backend::Answer for Answer {
    type Server = Server;

    async fn serve(backend: Arc<Backend>, process: &Arc<Process>, endpoint: &str) -> (Server, SocketAddr) {
        let host = testkit::host(process, Kind::Receiver, "backend");
        let routes = Routes::new().with(backend.path, backend);
        let server = Server::start(&ServerSettings::at(endpoint), "", &host, routes).await.unwrap();
        let address = server.addresses()[0];
        (server, address)
    }
}
