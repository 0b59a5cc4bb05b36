//! `exporters: file:` as a type.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sluice_component::files;
use sluice_config::{Check, Checker, GoDuration, Node, Value};

use super::format::{Compression, Format};

/// `exporters: file:` - the keys and defaults of otelcol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where to write. Relative to the working directory.
    pub path: String,
    /// `json`: one OTLP/JSON request per line; `proto`: each request preceded by its length.
    pub format: String,
    /// Whether what is in the file at the start is kept.
    pub append: bool,
    /// `none` or `zstd`; every compressed request is preceded by its length, also with `format: json`.
    pub compression: String,
    /// How hard to compress.
    pub compression_params: CompressionParams,
    /// Accepted for configurations of otelcol: every request is written before it is acknowledged, so there is
    /// never anything to flush.
    pub flush_interval: GoDuration,
    /// Whether directories above the file are created.
    pub create_directory: bool,
    /// Permissions of created directories, in octal.
    pub directory_permissions: String,
    /// Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Node>,
    /// Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_by: Option<Node>,
    /// Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

/// `compression_params:`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CompressionParams {
    /// 1, 3, 6 or 11; 0 is zstd's own default.
    pub level: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: String::new(),
            format: "json".to_owned(),
            append: false,
            compression: String::new(),
            compression_params: CompressionParams::default(),
            flush_interval: GoDuration::from_secs(1),
            create_directory: false,
            directory_permissions: "0755".to_owned(),
            rotation: None,
            group_by: None,
            encoding: None,
        }
    }
}

impl Settings {
    /// `None` for a text that [`Check`] refuses.
    pub(super) fn format(&self) -> Option<Format> {
        match self.format.as_str() {
            "json" => Some(Format::Json),
            "proto" => Some(Format::Proto),
            _ => None,
        }
    }

    /// `None` for a text that [`Check`] refuses.
    pub(super) fn compression(&self) -> Option<Compression> {
        match self.compression.as_str() {
            "" | "none" => Some(Compression::None),
            "zstd" => Some(Compression::Zstd { level: self.compression_params.level }),
            _ => None,
        }
    }

    /// `None` for a text that [`Check`] refuses.
    pub(super) fn directory_permissions(&self) -> Option<u32> {
        let octal = self.directory_permissions.trim_start_matches("0o");
        u32::from_str_radix(octal, 8).ok().filter(|mode| *mode <= 0o7777)
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.path.is_empty() {
            at.key("path").error("path must be non-empty");
        } else if at.sees_machine()
            && let Some(why) = files::why_not_writable(Path::new(&self.path), self.create_directory)
        {
            let hint = match Path::new(&self.path).parent() {
                Some(parent) if parent != Path::new("") && !parent.exists() && !self.create_directory => {
                    ": create it, or write create_directory: true"
                }
                _ => "",
            };
            at.key("path").error(format!("cannot write {}: {why}{hint}", self.path));
        }
        if self.format().is_none() {
            at.key("format")
                .error(format!("format type is not supported: {:?}: write json or proto", self.format));
        }
        if self.compression().is_none() {
            at.key("compression")
                .error(format!("compression is not supported: {:?}: write zstd or none", self.compression));
        }
        if self.append && matches!(self.compression(), Some(Compression::Zstd { .. })) {
            at.key("append").error("append and compression enabled at the same time is not supported");
        }
        if !matches!(self.compression_params.level, 0 | 1 | 3 | 6 | 11) {
            at.section("compression_params").key("level").must("be 1, 3, 6 or 11");
        }
        if self.flush_interval.is_zero() {
            at.key("flush_interval").must("be larger than zero");
        }
        if self.directory_permissions().is_none() {
            at.key("directory_permissions").must("be octal permissions such as \"0755\"");
        }
        if self.encoding.as_ref().is_some_and(|encoding| !encoding.is_empty()) {
            at.key("encoding").error("encoding extensions are not built yet: use format");
        }
        if at.is_written("rotation") {
            at.key("rotation")
                .error("rotation is not built yet: remove it, and rotate with append: true from outside");
        }
        let on = |section: &Node| section.get("enabled").is_some_and(|on| *on.value() != Value::Bool(false));
        if self.group_by.as_ref().is_some_and(on) {
            at.key("group_by").error("group_by is not built yet: remove it, or write enabled: false");
        }
    }
}
