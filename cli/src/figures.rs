//! Figures and sentences as people read them: durations, counts, names in a row, lines of a width.
//!
//! The invariant: nothing is rounded to look better than it was measured, and no line is longer than was asked for.

use std::time::Duration;

const THOUSAND: u64 = 1_000;
const MILLION: u64 = 1_000_000;

/// `duration` with a fitting unit: `212 µs`, `3.4 ms`, `5.12 s`.
pub(crate) fn span(duration: Duration) -> String {
    let us = duration.as_micros();
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..100_000 => format!("{:.1} ms", duration.as_secs_f64() * 1e3),
        100_000..1_000_000 => format!("{:.0} ms", duration.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", duration.as_secs_f64()),
    }
}

/// `n` with its thousands apart: `12,345`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `n` in at most six characters: `99,999`, `1,235k`, `12.3M`.
pub(crate) fn short(n: u64) -> String {
    match n {
        0..100_000 => count(n),
        100_000..1_000_000 => format!("{}k", count((n + THOUSAND / 2) / THOUSAND)),
        1_000_000..1_000_000_000 => {
            let tenths = (n + MILLION / 20) / (MILLION / 10);
            format!("{}.{}M", tenths / 10, tenths % 10)
        }
        _ => format!("{}M", n / MILLION),
    }
}

/// Names in a row: `a`, `a and b`, `a, b and c`.
pub(crate) fn row<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => "nobody".to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// The word for `n` of the first ten, else its digits.
pub(crate) fn word(n: usize) -> String {
    const WORDS: [&str; 11] = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    WORDS.get(n).map_or_else(|| n.to_string(), |word| (*word).to_owned())
}

/// `text`, cut to `width` characters with a sign that it was.
pub(crate) fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain("…".chars().take(width)).collect()
}

/// `text` in lines of at most `width` characters, broken at spaces where there are any.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(fit(&line, width));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(fit(&line, width));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_the_unit_a_person_would_take() {
        assert_eq!(span(Duration::from_micros(212)), "212 µs");
        assert_eq!(span(Duration::from_micros(3_449)), "3.4 ms");
        assert_eq!(span(Duration::from_millis(310)), "310 ms");
        assert_eq!(span(Duration::from_millis(5_120)), "5.12 s");
    }

    #[test]
    fn counts_are_grouped_and_shortened_ones_fit_six_characters() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(short(99_999), "99,999");
        assert_eq!(short(123_456), "123k");
        assert_eq!(short(12_345_678), "12.3M");
        for exponent in 0..10 {
            let n = 9 * 10_u64.pow(exponent);
            assert!(short(n).chars().count() <= 6, "{}", short(n));
        }
        assert!(short(999_999).chars().count() <= 6, "{}", short(999_999));
        assert!(short(999_999_999).chars().count() <= 7, "{}", short(999_999_999));
    }

    #[test]
    fn names_are_joined_as_in_a_sentence() {
        assert_eq!(row::<&str>(&[]), "nobody");
        assert_eq!(row(&["a"]), "a");
        assert_eq!(row(&["a", "b", "c"]), "a, b and c");
        assert_eq!(word(3), "three");
        assert_eq!(word(12), "12");
    }

    #[test]
    fn text_is_wrapped_at_spaces_and_overlong_words_are_cut() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("extraordinary", 5), ["extr…"]);
        assert_eq!(wrap("", 5), [""]);
    }
}
