//! `host.name`, by source:
//!
//! - `dns`: the full name. The canonical name where it has a dot, as the resolver takes it from `/etc/hosts` or DNS; else
//!   the name with a dot of one of the host's addresses; else the canonical name without
//! - `os`: what the kernel says
//! - `cname`: the canonical name
//! - `lookup`: the name of the first address that has one

use std::{io, time::Duration};

use sluice_config::StringList;

use crate::resource_detection::machine::{Machine, Names};

/// The name that the first source knows. Resolvers wait long for servers that do not answer: each source has its share
/// of `timeout`, and some is left. A source that has not answered an earlier question is not asked another.
pub(super) async fn find(
    sources: &StringList,
    machine: &Machine,
    timeout: Duration,
) -> Result<String, String> {
    let share = timeout / u32::try_from(sources.len()).unwrap_or(u32::MAX).saturating_add(1);
    let mut faults = Vec::new();
    for source in sources.iter() {
        let fault = match answer(source, machine, share).await {
            Ok(name) => return Ok(name),
            Err(fault) => fault,
        };
        tracing::debug!(%source, fault, "source of the host name failed");
        faults.push(format!("{source}: {fault}"));
    }
    Err(format!("all hostname sources failed to get hostname: {}", faults.join("; ")))
}

async fn answer(source: &str, machine: &Machine, share: Duration) -> Result<String, String> {
    let question = machine.questions.open(source).ok_or("has not answered an earlier question yet")?;
    let (name, names) = (source.to_owned(), machine.names);
    // A thread that waits for a server is left alone, and gone when the resolver gives up.
    let asked = tokio::task::spawn_blocking(move || {
        let _open = question;
        ask(&name, names)
    });
    match tokio::time::timeout(share, asked).await {
        Ok(Ok(answer)) => answer.map_err(|error| error.to_string()),
        Ok(Err(panic)) => Err(panic.to_string()),
        Err(_) => Err(format!("no answer within {share:?}")),
    }
}

fn ask(source: &str, names: Names) -> io::Result<String> {
    let host = (names.host)();
    let missing = |what: &str| io::Error::new(io::ErrorKind::NotFound, what.to_owned());
    let of_addresses = |wanted: fn(&str) -> bool| {
        let addresses = (names.addresses)(&host)?;
        let mut found = addresses.iter().filter_map(|address| (names.name_of)(address).ok());
        found.find(|name| wanted(name)).ok_or_else(|| missing("no address of the host has a name"))
    };
    let name = match source {
        "os" if host.is_empty() => return Err(missing("the host has no name")),
        "os" => host,
        "cname" => (names.canonical)(&host)?,
        "lookup" => of_addresses(|name| !name.is_empty())?,
        _ => {
            let canonical = (names.canonical)(&host);
            match canonical {
                Ok(name) if name.trim_end_matches('.').contains('.') => name,
                canonical => of_addresses(|name| name.trim_end_matches('.').contains('.')).or(canonical)?,
            }
        }
    };
    Ok(name.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    const NONE: Names = Names {
        host: || "web-1".to_owned(),
        canonical: |_| Err(io::Error::other("no DNS")),
        addresses: |_| Err(io::Error::other("no DNS")),
        name_of: |_| Err(io::Error::other("no DNS")),
    };

    fn machine(names: Names) -> Machine {
        Machine::new(Box::new(|_| None), "/".into(), names)
    }

    async fn name(sources: &[&str], names: Names) -> Result<String, String> {
        find(&sources.iter().copied().collect(), &machine(names), Duration::from_secs(60)).await
    }

    #[tokio::test]
    async fn dns_prefers_a_name_with_a_dot() {
        let full = Names { canonical: |host| Ok(format!("{host}.example.")), ..NONE };
        assert_eq!(name(&["dns", "os"], full).await.unwrap(), "web-1.example");
        let reverse = Names {
            canonical: |host| Ok(host.to_owned()),
            addresses: |_| Ok(vec!["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()]),
            name_of: |ip| Ok(if ip.to_string().ends_with('2') { "two.example." } else { "one" }.to_owned()),
            ..NONE
        };
        assert_eq!(name(&["dns"], reverse).await.unwrap(), "two.example");
        assert_eq!(name(&["lookup"], reverse).await.unwrap(), "one");
        assert_eq!(name(&["cname"], reverse).await.unwrap(), "web-1");
        let short = Names { canonical: |host| Ok(host.to_owned()), ..NONE };
        assert_eq!(name(&["dns"], short).await.unwrap(), "web-1");
    }

    #[tokio::test]
    async fn the_next_source_is_asked_when_one_fails() {
        assert_eq!(name(&["lookup", "cname", "dns", "os"], NONE).await.unwrap(), "web-1");
        let nobody = Names { host: String::new, ..NONE };
        let text = name(&["dns", "os"], nobody).await.unwrap_err();
        let expected = "all hostname sources failed to get hostname: dns: no DNS; os: the host has no name";
        assert_eq!(text, expected);
    }

    #[tokio::test]
    async fn a_resolver_that_hangs_costs_its_share_only() {
        let hangs = Names {
            canonical: |_| {
                std::thread::park_timeout(Duration::from_millis(500));
                Ok("late.example".to_owned())
            },
            ..NONE
        };
        let sources = ["dns", "os"].into_iter().collect();
        let found = find(&sources, &machine(hangs), Duration::from_millis(100)).await;
        assert_eq!(found.unwrap(), "web-1");
    }

    #[tokio::test]
    async fn a_source_that_has_not_answered_is_not_asked_again_before_it_does() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        static ANSWERS: AtomicBool = AtomicBool::new(false);
        let hangs = Names {
            canonical: |host| {
                ASKED.fetch_add(1, Ordering::SeqCst);
                while !ANSWERS.load(Ordering::SeqCst) {
                    std::thread::park_timeout(Duration::from_millis(1));
                }
                Ok(format!("{host}.example"))
            },
            ..NONE
        };
        let (machine, sources) = (machine(hangs), ["cname"].into_iter().collect());
        let refused = find(&sources, &machine, Duration::from_millis(20)).await.unwrap_err();
        assert!(refused.contains("cname: no answer within 10ms"), "{refused}");
        for _ in 0..50 {
            let refused = find(&sources, &machine, Duration::from_millis(20)).await.unwrap_err();
            assert!(refused.contains("cname: has not answered an earlier question yet"), "{refused}");
        }
        assert!(ASKED.load(Ordering::SeqCst) <= 1);
        ANSWERS.store(true, Ordering::SeqCst);
        let found = tokio::time::timeout(Duration::from_secs(60), async {
            loop {
                if let Ok(name) = find(&sources, &machine, Duration::from_secs(20)).await {
                    return name;
                }
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(found.await.unwrap(), "web-1.example");
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
    }
}
