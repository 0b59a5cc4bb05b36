//! The end of the line: takes every batch at once and keeps account of the span numbers.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::{
    Failure,
    grpc::{self, Message},
    scan,
};

/// What has arrived so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Spans, duplicates included.
    pub(crate) items: u64,
    /// Spans whose number had arrived before.
    pub(crate) duplicates: u64,
    /// Requests.
    pub(crate) requests: u64,
    /// Requests that could not be read.
    pub(crate) malformed: u64,
}

#[derive(Default)]
struct Seen {
    bits: Vec<u64>,
    account: Account,
}

/// Numbers from here on are not the load generator's.
const MAX_NUMBER: u64 = 1 << 32;

impl Seen {
    fn add(&mut self, request: &[u8]) {
        self.account.requests += 1;
        let Ok(ids) = scan::span_ids(request) else {
            self.account.malformed += 1;
            return;
        };
        for id in ids {
            let number = request.get(id).and_then(|id| id.try_into().ok()).map(u64::from_be_bytes);
            match number.filter(|number| *number < MAX_NUMBER) {
                Some(number) => self.add_number(number),
                None => self.account.malformed += 1,
            }
        }
    }

    fn add_number(&mut self, number: u64) {
        let word = usize::try_from(number / 64).unwrap_or(usize::MAX);
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        self.account.items += 1;
        if let Some(bits) = self.bits.get_mut(word) {
            let bit = 1 << (number % 64);
            self.account.duplicates += u64::from(*bits & bit != 0);
            *bits |= bit;
        }
    }
}

/// Serves until stdin ends. Each line on stdin is answered with the account as JSON on stdout.
pub(crate) async fn run(listen: SocketAddr) -> Result<(), Failure> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let at_server = seen.clone();
    let server = grpc::serve(listen, move |message: Message| {
        let seen = at_server.clone();
        async move {
            let request = grpc::join(&message);
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            match request {
                Ok(request) => seen.add(&request),
                Err(_) => seen.account.malformed += 1,
            }
        }
    });
    tokio::select! {
        ended = server => ended,
        ended = answer_stdin(&seen) => ended,
    }
}

async fn answer_stdin(seen: &Mutex<Seen>) -> Result<(), Failure> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {
        let account = seen.lock().unwrap_or_else(PoisonError::into_inner).account;
        println!("{}", serde_json::to_string(&account)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Template;

    #[test]
    fn a_number_that_comes_twice_is_a_duplicate() {
        let template = Template::new();
        let mut seen = Seen::default();
        seen.add(&template.request(0));
        seen.add(&template.request(50));
        assert_eq!(seen.account, Account { items: 200, duplicates: 50, requests: 2, malformed: 0 });
    }
}
