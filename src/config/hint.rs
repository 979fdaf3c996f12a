//! What an unknown name was probably meant to be.
//!
//! The invariant: the work is bounded whatever the name. Nothing here decides what is accepted.

use super::table::{ENV_PREFIX, known_settings};

/// Longest name that a hint is looked for; comparing costs the product of both lengths.
const NAME_BYTES_MAX: usize = 64;

/// The known setting whose name is nearest to `name`, if one is near.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let name = name.to_ascii_lowercase().replace(['-', ' ', '.'], "_");
    let name = name.strip_prefix(&ENV_PREFIX.to_ascii_lowercase()).unwrap_or(&name);
    let names = || known_settings().iter().map(|setting| setting.name);
    // The original's README itself says MCCACHE_TTL where it means cache_ttl.
    if let Some(longer) = names().find(|known| known.strip_suffix(name).is_some_and(|head| head.ends_with('_'))) {
        return Some(longer);
    }
    let (distance, nearest) = names().map(|known| (distance(name, known), known)).min()?;
    // A third of the letters may be wrong, and two of a short name: any more and the hint would puzzle.
    (distance <= (nearest.len() / 3).max(2)).then_some(nearest)
}

/// Levenshtein's distance in bytes, by the two-row method of Wagner and Fischer (1974).
fn distance(a: &str, b: &str) -> usize {
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = previous[0];
        previous[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = previous[j + 1];
            previous[j + 1] = replaced.min(diagonal + 1).min(previous[j] + 1);
        }
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_counts_insertions_deletions_and_replacements() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn a_slip_a_short_form_and_another_spelling_are_recognised() {
        assert_eq!(nearest("cache_tll"), Some("cache_ttl"));
        assert_eq!(nearest("ttl"), Some("cache_ttl"));
        assert_eq!(nearest("MCCACHE_MTU"), Some("packet_mtu"));
        assert_eq!(nearest("Cache-Size"), Some("cache_size"));
        assert_eq!(nearest("nodename"), Some("node_name"));
    }

    #[test]
    fn a_name_that_is_near_to_nothing_has_no_hint() {
        assert_eq!(nearest("colour"), None);
        assert_eq!(nearest(""), None);
        assert_eq!(nearest(&"cache_ttl".repeat(10_000)), None);
    }
}
