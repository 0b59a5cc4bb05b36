//! Answers for refusals: `google.rpc.Status` bodies and `Retry-After`, both ways.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::server::Response;
use crate::serve::shorten;

/// The encoding of an OTLP/HTTP request, which its answer takes as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

impl Encoding {
    /// The media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    /// The encoding of a `Content-Type`, whose parameters do not matter.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let media = value.split(';').next().unwrap_or_default().trim();
        [Self::Protobuf, Self::Json]
            .into_iter()
            .find(|known| media.eq_ignore_ascii_case(known.content_type()))
    }
}

/// A `google.rpc.Status` of a gRPC code and a message, without details.
#[must_use]
pub fn status_body(encoding: Encoding, code: i32, message: &str) -> Bytes {
    match encoding {
        Encoding::Json => {
            let mut text = format!("{{\"code\":{code},\"message\":\"");
            escape(message, &mut text);
            text.push_str("\"}");
            text.into()
        }
        Encoding::Protobuf => {
            let mut body = Vec::with_capacity(message.len() + 16);
            body.push(0x08);
            varint(u64::try_from(code).unwrap_or_default(), &mut body);
            body.push(0x12);
            varint(message.len() as u64, &mut body);
            body.extend_from_slice(message.as_bytes());
            body.into()
        }
    }
}

/// An answer with a `google.rpc.Status` body, whose message is cut at 1 KiB, and `Retry-After` where the client is to wait.
#[must_use]
pub fn status_response(
    encoding: Encoding,
    status: StatusCode,
    code: i32,
    message: &str,
    wait: Option<Duration>,
) -> Response {
    let mut response = Response::new(status_body(encoding, code, &shorten(message)).into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(encoding.content_type()));
    if let Some(wait) = wait {
        headers.insert(header::RETRY_AFTER, retry_after_value(wait));
    }
    response
}

/// An answer in plain text, which is cut at 1 KiB, and `Retry-After` where the client is to wait. What is not OTLP
/// answers so.
#[must_use]
pub fn text_response(status: StatusCode, text: &str, wait: Option<Duration>) -> Response {
    let mut response = Response::new(shorten(text).into_owned().into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if let Some(wait) = wait {
        headers.insert(header::RETRY_AFTER, retry_after_value(wait));
    }
    response
}

/// A delay in the whole seconds of `Retry-After`, rounded up.
#[must_use]
pub fn retry_after_value(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

/// What `Retry-After` asks for, in seconds or as an HTTP date; a date in the past is zero. `None` where there is
/// none that can be read.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

fn varint(mut value: u64, output: &mut Vec<u8>) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            output.push(low & 0x7f);
            return;
        }
        output.push(low | 0x80);
    }
}

fn escape(text: &str, output: &mut String) {
    use std::fmt::Write;
    for c in text.chars() {
        match c {
            '"' => output.push_str("\\\""),
            '\\' => output.push_str("\\\\"),
            c if u32::from(c) < 0x20 => drop(write!(output, "\\u{:04x}", u32::from(c))),
            c => output.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_code_and_message_in_both_encodings() {
        assert_eq!(status_body(Encoding::Json, 3, "a \"b\"\n"), r#"{"code":3,"message":"a \"b\"\u000a"}"#);
        assert_eq!(&status_body(Encoding::Protobuf, 14, "no")[..], b"\x08\x0e\x12\x02no");
        let long = "x".repeat(300);
        assert!(status_body(Encoding::Protobuf, 14, &long).starts_with(b"\x08\x0e\x12\xac\x02x"));
    }

    #[test]
    fn an_answer_has_at_most_a_kibibyte_of_text() {
        let response =
            status_response(Encoding::Protobuf, StatusCode::BAD_REQUEST, 3, &"x".repeat(5000), None);
        assert!(response.body().as_bytes().len() <= 1040, "{}", response.body().as_bytes().len());
        assert!(response.body().as_bytes().ends_with(b"xxx..."));
    }

    #[test]
    fn e5_retry_after_is_seconds_or_a_date() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_str(text).unwrap());
            retry_after(&headers)
        };
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO));
        let later = of(&httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600))).unwrap();
        assert!(later > Duration::from_secs(3500) && later <= Duration::from_secs(3600), "{later:?}");
        assert_eq!(of("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn retry_after_is_rounded_up() {
        assert_eq!(retry_after_value(Duration::from_millis(1)), "1");
        assert_eq!(retry_after_value(Duration::from_secs(7)), "7");
    }

    #[test]
    fn parameters_of_a_media_type_do_not_matter() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("Application/JSON; charset=utf-8"));
        assert_eq!(Encoding::of(&headers), Some(Encoding::Json));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        assert_eq!(Encoding::of(&headers), None);
    }
}
