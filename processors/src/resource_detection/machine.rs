//! What detectors ask: variables, files, names.

use std::{
    collections::BTreeSet,
    fmt,
    fs::File,
    io::{self, Read},
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// More than any file that tells of a machine or pod has at its beginning.
const MAX_FILE: u64 = 64 << 10;

/// What environment variables are set to.
pub(super) type Variables = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The machine and the pod that the collector runs on.
pub(super) struct Machine {
    variables: Variables,
    /// `/`
    root: PathBuf,
    pub(super) names: Names,
    pub(super) questions: Questions,
}

/// What the resolver was asked and has not answered. It may take its time, and each question has a thread.
#[derive(Debug, Clone, Default)]
pub(super) struct Questions(Arc<Mutex<BTreeSet<String>>>);

/// A question that is open until this is dropped.
#[derive(Debug)]
pub(super) struct Question {
    open: Questions,
    source: String,
}

impl Questions {
    /// Opens the question that goes to `source`, unless it is open.
    pub(super) fn open(&self, source: &str) -> Option<Question> {
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(source.to_owned());
        is_new.then(|| Question { open: self.clone(), source: source.to_owned() })
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.open.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.source);
    }
}

/// Names of hosts, as the system's resolver has them. All of these may block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    /// That of this host.
    pub(super) host: fn() -> String,
    /// The canonical name of a host.
    pub(super) canonical: fn(&str) -> io::Result<String>,
    /// The addresses of a host.
    pub(super) addresses: fn(&str) -> io::Result<Vec<IpAddr>>,
    /// The name of an address.
    pub(super) name_of: fn(&IpAddr) -> io::Result<String>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Machine {
    /// This one.
    pub(super) fn this() -> Self {
        Self::new(Box::new(|name| std::env::var(name).ok()), PathBuf::from("/"), Names::of_system())
    }

    pub(super) fn new(variables: Variables, root: PathBuf, names: Names) -> Self {
        Self { variables, root, names, questions: Questions::default() }
    }

    /// A variable that is there and not blank.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let value = (self.variables)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The text of a file, of which no more than 64 KiB are read.
    pub(super) fn read(&self, path: impl AsRef<Path>) -> io::Result<String> {
        let path = path.as_ref();
        let file = File::open(self.root.join(path.strip_prefix("/").unwrap_or(path)))?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What is in a file that holds one line, if there is one and it is not blank.
    pub(super) fn line(&self, path: impl AsRef<Path>) -> Option<String> {
        let text = self.read(path).ok()?;
        let line = text.trim();
        (!line.is_empty()).then(|| line.to_owned())
    }
}

impl Names {
    fn of_system() -> Self {
        Self {
            host: || rustix::system::uname().nodename().to_string_lossy().into_owned(),
            canonical,
            addresses: |host| Ok(dns_lookup::lookup_host(host)?.collect()),
            name_of: |address| Ok(dns_lookup::lookup_addr(address)?),
        }
    }
}

fn canonical(host: &str) -> io::Result<String> {
    /// `AI_CANONNAME`
    const CANONICAL: i32 = 2;
    let hints = dns_lookup::AddrInfoHints { flags: CANONICAL, ..dns_lookup::AddrInfoHints::default() };
    let mut found = dns_lookup::getaddrinfo(Some(host), None, Some(hints))?;
    let name = found.next().transpose()?.and_then(|first| first.canonname);
    name.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{host} has no canonical name")))
}
