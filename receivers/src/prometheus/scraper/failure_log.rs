//! `scrape_failure_log_file`: a line of JSON for every scrape that failed.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use sluice_component::quiet::Quiet;

/// The file of a job. It is opened for each line, so that it may be moved away.
#[derive(Debug, Clone)]
pub(in super::super) struct FailureLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    troubles: Mutex<Quiet>,
}

impl FailureLog {
    pub(in super::super) fn new(path: PathBuf) -> Self {
        Self(Arc::new(Inner { path, troubles: Mutex::default() }))
    }

    /// Adds a line. That it cannot be written is told in the collector's log.
    pub(super) async fn add(&self, job: &str, target: &str, error: &str) {
        let time = jiff::Timestamp::now().to_string();
        let line = serde_json::json!({
            "time": time, "level": "ERROR", "msg": error, "job_name": job, "target": target,
        });
        let (inner, line) = (self.0.clone(), format!("{line}\n"));
        let written = tokio::task::spawn_blocking(move || inner.append(&line)).await;
        if let Ok(Err(error)) = written {
            let mut troubles = self.0.troubles.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((lines, _)) = troubles.note(0) {
                let file = self.0.path.display();
                tracing::warn!(%file, lines, %error, "cannot write to scrape_failure_log_file");
            }
        }
    }
}

impl Inner {
    fn append(&self, line: &str) -> io::Result<()> {
        OpenOptions::new().create(true).append(true).open(&self.path)?.write_all(line.as_bytes())
    }
}
