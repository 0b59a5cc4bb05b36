//! Where lines go.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
};

/// A log file that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("service.telemetry.logs.{key}: cannot open {path}: {error}")]
pub struct OutputError {
    key: &'static str,
    path: String,
    error: io::Error,
}

/// All places that each line is written to, and where it is said that one of them cannot be written.
#[derive(Debug)]
pub(super) struct Output {
    sinks: Vec<Sink>,
    errors: Vec<Sink>,
}

#[derive(Debug)]
enum Sink {
    Stdout,
    Stderr,
    File(File),
}

impl Output {
    pub(super) fn open(paths: &[String], error_paths: &[String]) -> Result<Self, OutputError> {
        let open = |key, paths: &[String]| {
            let sink = |path: &String| {
                Sink::open(path).map_err(|error| OutputError { key, path: path.clone(), error })
            };
            paths.iter().map(sink).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self { sinks: open("output_paths", paths)?, errors: open("error_output_paths", error_paths)? })
    }

    pub(super) fn standard_error() -> Self {
        Self { sinks: vec![Sink::Stderr], errors: Vec::new() }
    }

    /// Writes a line everywhere. One that cannot be written is lost, and that is said.
    pub(super) fn write(&mut self, line: &str) {
        for sink in &mut self.sinks {
            if let Err(error) = sink.write(line) {
                for sink in &mut self.errors {
                    // There is nowhere left to say that this failed as well.
                    let _lost = sink.write(&format!("cannot write to the log: {error}\n"));
                }
            }
        }
    }
}

impl Sink {
    fn open(path: &str) -> io::Result<Self> {
        match path {
            "stdout" => Ok(Self::Stdout),
            "stderr" => Ok(Self::Stderr),
            path => {
                let path = path.strip_prefix("file://").unwrap_or(path);
                OpenOptions::new().append(true).create(true).open(path).map(Self::File)
            }
        }
    }

    /// One call per line, so that lines of several processes do not mix.
    fn write(&mut self, line: &str) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(line.as_bytes())?;
                stdout.flush()
            }
            Self::Stderr => io::stderr().lock().write_all(line.as_bytes()),
            Self::File(file) => file.write_all(line.as_bytes()),
        }
    }
}
