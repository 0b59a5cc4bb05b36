//! The detector `env`: `OTEL_RESOURCE_ATTRIBUTES`, as SDKs read it.

use percent_encoding::percent_decode_str;

use super::{machine::Machine, settings::Env, value::Attributes};

const VARIABLE: &str = "OTEL_RESOURCE_ATTRIBUTES";
/// What it was called before it was specified.
const OLD: &str = "OTEL_RESOURCE";

/// The attributes of the variable; none if it is not set.
pub(super) fn detect(settings: &Env, machine: &Machine) -> Result<Attributes, String> {
    let set = [VARIABLE, OLD].into_iter().find_map(|name| Some((name, machine.variable(name)?)));
    let Some((variable, text)) = set else { return Ok(Attributes::default()) };
    let mut found = parse(&text).map_err(|error| format!("{variable}: {error}"))?;
    if let Some(allowed) = &settings.allowlist {
        found.keep(|key| allowed.iter().any(|name| *name == *key));
    }
    Ok(found)
}

/// `key=value,key=value`, percent-encoded. Blanks around keys and values count for nothing; of a key that is there
/// twice the last value counts.
fn parse(text: &str) -> Result<Attributes, String> {
    let mut pairs = Vec::new();
    let mut rest = text.split(',').peekable();
    while let Some(pair) = rest.next() {
        // A comma may end the list.
        if pair.trim().is_empty() && rest.peek().is_none() {
            break;
        }
        let (key, value) = pair.split_once('=').ok_or_else(|| format!("`{pair}` is no key=value"))?;
        let (key, value) = (decode(key)?, decode(value)?);
        if key.is_empty() {
            return Err(format!("`{pair}` has no key"));
        }
        pairs.push((key, value));
    }
    let mut found = Attributes::default();
    // Keys keep the order of the text when the later value of two is added first.
    for (index, (key, value)) in pairs.iter().enumerate() {
        let later = pairs.iter().skip(index + 1).rev().find(|(other, _)| other == key);
        found.add(key.clone(), later.map_or(value, |(_, last)| last).as_str());
    }
    Ok(found)
}

fn decode(text: &str) -> Result<String, String> {
    let text = text.trim();
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| format!("`{text}` is no UTF-8 when its percent signs are decoded"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource_detection::value::Value;

    fn parsed(text: &str) -> Vec<(String, Value)> {
        let found = parse(text).unwrap();
        found.keys().map(|key| (key.to_owned(), found.get(key).unwrap().clone())).collect()
    }

    #[test]
    fn pairs_are_decoded_and_trimmed() {
        let expected = [("a.b", "x y,z=1"), ("c", "50%"), ("d", "1+1"), ("e", ""), ("f", "ü=")]
            .map(|(k, v)| (k.to_owned(), v.into()));
        assert_eq!(parsed(" a.b = x%20y%2Cz%3D1 ,c=50%25,d=1+1, e= ,f=ü=,"), expected);
    }

    #[test]
    fn the_last_value_of_a_key_counts() {
        assert_eq!(parsed("a=1,b=2,a=3"), [("a".to_owned(), "3".into()), ("b".to_owned(), "2".into())]);
    }

    #[test]
    fn what_is_no_list_of_pairs_is_told() {
        assert_eq!(parse("a=1,b").unwrap_err(), "`b` is no key=value");
        assert_eq!(parse("=1").unwrap_err(), "`=1` has no key");
        assert_eq!(parse("a=1,,b=2").unwrap_err(), "`` is no key=value");
        assert_eq!(parse("a=%FF").unwrap_err(), "`%FF` is no UTF-8 when its percent signs are decoded");
    }
}
