//! Names to addresses: as the system resolves them, and `localhost` also where the system does not know it.
//!
//! The system's resolver reads `/etc/hosts`, and `/etc/resolv.conf` with `search` and `ndots`, and reads them again
//! when they change. That of glibc needs no file of its own for it, so it does the same in a static program in an
//! image without anything else. What it does not know without `/etc/hosts` is `localhost`, and RFC 6761 says what that
//! is.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use reqwest::dns::{Name, Resolve, Resolving};

/// For the clients of `reqwest`: resolves names as every other client of ours does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // Port 0 stands for that of the URL.
            let found = resolve(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

/// The addresses of `host`, each with `port`, in the system's order. An IP address is its own, and nobody is asked.
///
/// # Errors
/// What the system says: there is no such name, or nobody who knows answered.
pub(crate) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    match tokio::net::lookup_host((host, port)).await {
        Ok(found) => Ok(found.collect()),
        Err(error) => loopback(host, port).ok_or(error),
    }
}

/// The addresses of `localhost`.
fn loopback(host: &str, port: u16) -> Option<Vec<SocketAddr>> {
    let is_localhost = host.strip_suffix('.').unwrap_or(host).eq_ignore_ascii_case("localhost");
    is_localhost.then(|| vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_its_own() {
        assert_eq!(resolve("10.0.0.1", 1).await.unwrap(), ["10.0.0.1:1".parse().unwrap()]);
        assert_eq!(resolve("::1", 2).await.unwrap(), ["[::1]:2".parse().unwrap()]);
    }

    #[tokio::test]
    async fn localhost_is_this_machine() {
        let found = resolve("localhost", 80).await.unwrap();
        assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()), "{found:?}");
    }

    #[test]
    fn only_localhost_needs_nobody() {
        let both = vec!["127.0.0.1:80".parse().unwrap(), "[::1]:80".parse().unwrap()];
        assert_eq!(loopback("localhost", 80), Some(both.clone()));
        assert_eq!(loopback("LocalHost.", 80), Some(both));
        assert_eq!(loopback("localhost.example", 80), None);
        assert_eq!(loopback("", 80), None);
    }

    #[tokio::test]
    async fn a_name_that_nobody_has_is_an_error() {
        // RFC 6761 keeps `invalid` from ever being there.
        assert!(resolve("nobody.invalid", 80).await.is_err());
    }
}
