//! Where the value of an attribute comes from.

use std::borrow::Cow;

use sluice_component::Request;
use sluice_pdata::EncodedAttribute;

/// The most bytes of a request's context that become an attribute: each record gets it, and who sends the request
/// chooses it.
pub(super) const MAX_TEXT: usize = 1024;

/// So many bytes of context are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong(pub(super) usize);

#[derive(Debug)]
pub(super) enum Source {
    /// It is written in the YAML.
    Value(EncodedAttribute),
    /// It is that of another attribute.
    Attribute(String),
    /// The request has it.
    Context(FromContext),
    /// There is a default alone.
    Nothing,
}

/// What `from_context` names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FromContext {
    /// A header of the client, in lower case.
    Metadata(String),
    /// Something that the authenticator knows of the client.
    Auth(String),
    ClientAddress,
}

impl FromContext {
    /// A name without a prefix is a header: so it was before there were others.
    pub(super) fn new(name: &str) -> Self {
        if name == "client.address" {
            Self::ClientAddress
        } else if let Some(attribute) = name.strip_prefix("auth.") {
            Self::Auth(attribute.to_owned())
        } else {
            Self::Metadata(name.strip_prefix("metadata.").unwrap_or(name).to_ascii_lowercase())
        }
    }

    /// The attribute `key` with what the request has; several values are joined with `;`.
    ///
    /// # Errors
    /// When it is longer than [`MAX_TEXT`].
    pub(super) fn attribute(
        &self,
        key: &str,
        request: &Request,
    ) -> Result<Option<EncodedAttribute>, TooLong> {
        let text: Option<Cow<'_, str>> = match self {
            Self::Metadata(header) => {
                let values = request.metadata(header);
                (!values.is_empty()).then(|| values.join(";").into())
            }
            Self::Auth(attribute) => request.auth(attribute).map(Cow::from),
            Self::ClientAddress => request.peer().map(|peer| peer.ip().to_string().into()),
        };
        match text {
            Some(text) if text.len() > MAX_TEXT => Err(TooLong(text.len())),
            text => Ok(text.map(|text| EncodedAttribute::new(key, &*text))),
        }
    }
}
