//! "did you mean": the nearest of the names that exist.

/// Bytes of a word that is looked at.
const LONGEST: usize = 64;

/// The candidate nearest to `word`, if it is near enough to be what was meant.
///
/// Near enough is an edit distance of a third of the word's length (at least 1, a swap of neighbours counts once),
/// or equality but for case, `-` and `_`.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Distances of long words cost time and mean nothing.
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['_', '-'], "");
    let wanted = plain(word);
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST && candidate.len().abs_diff(word.len()) <= 4 * limit)
        .map(|candidate| {
            let same = !wanted.is_empty() && plain(candidate) == wanted;
            (if same { 0 } else { strsim::osa_distance(word, candidate) }, candidate)
        })
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let known = ["endpoint", "tls", "send_batch_size", "timeout"];
        for (word, expected) in [
            ("endpont", Some("endpoint")),
            ("ednpoint", Some("endpoint")),
            ("sendBatchSize", Some("send_batch_size")),
            ("send-batch-size", Some("send_batch_size")),
            ("tsl", Some("tls")),
            ("Timeout", Some("timeout")),
            ("compression", None),
            ("", None),
            ("_", None),
        ] {
            assert_eq!(closest(word, known), expected, "{word}");
        }
    }
}
