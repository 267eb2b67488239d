//! Quantities as people read them: three significant digits, SI prefixes, thin spaces between thousands.
//!
//! Rates in bits are powers of 1000 (`1.23 Gbps`), as network operators count; so are bytes.

use super::traffic::Traffic;

/// Narrow no-break space: keeps a number and its unit, or its groups, on one line.
const THIN: char = '\u{202f}';

const BIT_RATES: [&str; 7] = ["bps", "kbps", "Mbps", "Gbps", "Tbps", "Pbps", "Ebps"];

/// `1.23 GB`; below a thousand whole bytes (`640 B`).
pub fn bytes(count: u64) -> String {
    with_prefix(u128::from(count), ["B", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// `1.23 Gbps`, from bytes in one second.
pub fn bits_per_second(bytes_per_second: u64) -> String {
    with_prefix(u128::from(bytes_per_second) * 8, BIT_RATES)
}

/// `1.23 Gbps`, from bits in one second.
pub fn bits(bits_per_second: u64) -> String {
    with_prefix(u128::from(bits_per_second), BIT_RATES)
}

/// `12 345 678` with thin spaces.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(THIN);
        }
        text.push(digit);
    }
    text
}

/// `12.3 M`; below ten thousand the whole number.
pub fn short_count(number: u64) -> String {
    if number < 10_000 {
        return count(number);
    }
    with_prefix(u128::from(number), ["", "k", "M", "G", "T", "P", "E"])
}

/// A rate: `3.4` below ten a second, else as [`short_count`]; of `count` in so many milliseconds.
pub fn per_second(count: u64, ms: u64) -> String {
    let tenths = (u128::from(count) * 10_000).checked_div(u128::from(ms)).unwrap_or(0);
    match u64::try_from(tenths).unwrap_or(u64::MAX) {
        0 => "0".to_owned(),
        tenths @ 1..100 => format!("{}.{}", tenths / 10, tenths % 10),
        tenths => short_count(tenths / 10),
    }
}

/// A share for people: `0.3 %`, `12 %`; `below 0.1 %` where there is little of it, `0 %` where there is none.
pub fn percent(part: u64, whole: u64) -> String {
    match (part, per_mille(part, whole)) {
        (0, _) => format!("0{THIN}%"),
        (_, 0) => format!("below 0.1{THIN}%"),
        (_, share @ 1..100) => format!("{}.{}{THIN}%", share / 10, share % 10),
        (_, share) => format!("{}{THIN}%", share / 10),
    }
}

/// A number with its noun: `1 flow`, `2 flows`; nouns that take an s only.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `420 µs`, `1.23 ms`, `2.50 s`.
pub fn microseconds(us: u32) -> String {
    with_prefix(u128::from(us), ["µs", "ms", "s", "", "", "", ""])
}

/// How long ago: `0.4 s`, `12 s`, `3 min`, `5 h`, `2 d`. Below zero counts as zero.
pub fn age(ms: i64) -> String {
    let ms = ms.max(0);
    match ms / 1000 {
        0..10 => format!("{}.{}{THIN}s", ms / 1000, ms % 1000 / 100),
        seconds @ 10..120 => format!("{seconds}{THIN}s"),
        seconds @ 120..7200 => format!("{}{THIN}min", seconds / 60),
        seconds @ 7200..172_800 => format!("{}{THIN}h", seconds / 3600),
        seconds => format!("{}{THIN}d", seconds / 86_400),
    }
}

/// A duration of milliseconds: `0 ms`, `850 ms`, `12.3 s`, `4 min`.
pub fn duration(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms}{THIN}ms"),
        1000..120_000 => format!("{}.{}{THIN}s", ms / 1000, ms % 1000 / 100),
        _ => format!("{}{THIN}min", ms / 60_000),
    }
}

/// All three figures in full, for a hover text: `1 234 flows · 5 678 901 bytes · 4 321 packets`. Where sampling
/// makes a difference it says that these are the figures as exported, and what they are scaled.
pub fn in_full(traffic: Traffic) -> String {
    let exported = format!(
        "{} · {} · {}",
        counted(traffic.flows, "flow"),
        counted(traffic.bytes, "byte"),
        counted(traffic.packets, "packet")
    );
    if !traffic.is_scaled() {
        return exported;
    }
    let (bytes, packets) = (count(traffic.scaled_bytes), count(traffic.scaled_packets));
    let unknown = match traffic.unknown_sampling {
        0 => String::new(),
        flows => format!("; {} with unknown sampling", counted(flows, "flow")),
    };
    format!("{exported} as exported; scaled by sampling: {bytes} bytes · {packets} packets{unknown}")
}

/// A line for people where sampling makes a difference; `None` where it does not.
pub fn sampling_note(traffic: Traffic) -> Option<String> {
    let note = format!(
        "Scaled by sampling. As exported: {}, {} packets",
        bytes(traffic.bytes),
        short_count(traffic.packets)
    );
    let unknown = match traffic.unknown_sampling {
        0 => String::new(),
        flows => format!("; sampling unknown for {} of the flows", percent(flows, traffic.flows)),
    };
    traffic.is_scaled().then_some(note + &unknown)
}

/// Parts per thousand that `part` is of `whole`, 0 to 1000; 0 when the whole is nothing.
pub fn per_mille(part: u64, whole: u64) -> u16 {
    let share = (u128::from(part) * 1000).checked_div(u128::from(whole)).unwrap_or(0);
    u16::try_from(share.min(1000)).unwrap_or(1000)
}

fn with_prefix(value: u128, units: [&str; 7]) -> String {
    let mut divisor: u128 = 1;
    let mut text = String::new();
    for unit in units {
        text = if divisor == 1 { value.to_string() } else { three_digits(value, divisor) };
        if !unit.is_empty() {
            text.push(THIN);
            text.push_str(unit);
        }
        // Rounded, 999 600 is 1.00 M and not 1000 k.
        if value * 2 < divisor * 1999 {
            break;
        }
        divisor *= 1000;
    }
    text
}

/// `value / divisor` to three significant digits.
fn three_digits(value: u128, divisor: u128) -> String {
    let rounded = |scale: u128| (value * scale + divisor / 2) / divisor;
    if rounded(100) < 1000 {
        format!("{}.{:02}", rounded(100) / 100, rounded(100) % 100)
    } else if rounded(10) < 1000 {
        format!("{}.{}", rounded(10) / 10, rounded(10) % 10)
    } else {
        rounded(1).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_has_three_significant_digits() {
        assert_eq!(bytes(0), "0\u{202f}B");
        assert_eq!(bytes(999), "999\u{202f}B");
        assert_eq!(bytes(1234), "1.23\u{202f}kB");
        assert_eq!(bytes(12_345), "12.3\u{202f}kB");
        assert_eq!(bytes(123_456_789), "123\u{202f}MB");
        assert_eq!(bits_per_second(153_750_000), "1.23\u{202f}Gbps");
    }

    #[test]
    fn rounding_up_moves_to_the_next_prefix() {
        assert_eq!(bytes(9_996), "10.0\u{202f}kB");
        assert_eq!(bytes(99_960), "100\u{202f}kB");
        assert_eq!(bytes(999_499), "999\u{202f}kB");
        assert_eq!(bytes(999_500), "1.00\u{202f}MB");
    }

    #[test]
    fn the_largest_counter_is_still_readable() {
        assert_eq!(bytes(u64::MAX), "18.4\u{202f}EB");
        assert_eq!(count(u64::MAX).chars().filter(char::is_ascii_digit).count(), 20);
    }

    #[test]
    fn thousands_are_grouped_from_the_right() {
        assert_eq!(count(7), "7");
        assert_eq!(count(1_234), "1\u{202f}234");
        assert_eq!(count(12_345_678), "12\u{202f}345\u{202f}678");
    }

    #[test]
    fn an_age_is_in_the_largest_fitting_unit() {
        assert_eq!(age(-5), "0.0\u{202f}s");
        assert_eq!(age(450), "0.4\u{202f}s");
        assert_eq!(age(65_000), "65\u{202f}s");
        assert_eq!(age(600_000), "10\u{202f}min");
        assert_eq!(age(90_000_000), "25\u{202f}h");
    }

    #[test]
    fn sampling_is_mentioned_only_where_it_makes_a_difference() {
        let plain =
            Traffic { flows: 2, bytes: 50, packets: 1, scaled_bytes: 50, scaled_packets: 1, ..Traffic::NONE };
        let unknown = Traffic { unknown_sampling: 2, ..plain };
        assert_eq!((sampling_note(plain), sampling_note(unknown)), (None, None));
        assert_eq!(in_full(unknown), "2 flows · 50 bytes · 1 packet");
        let scaled = Traffic { scaled_bytes: 2_600, scaled_packets: 52, unknown_sampling: 1, ..plain };
        let note = sampling_note(scaled).unwrap().replace(THIN, " ");
        assert_eq!(
            note,
            "Scaled by sampling. As exported: 50 B, 1 packets; sampling unknown for 50 % of the flows"
        );
        let full = in_full(scaled).replace(THIN, " ");
        assert!(
            full.starts_with("2 flows · 50 bytes · 1 packet as exported; scaled by sampling: 2 600 bytes")
        );
    }

    #[test]
    fn a_slow_rate_has_a_decimal_and_a_fast_one_a_prefix() {
        assert_eq!(per_second(0, 10_000), "0");
        assert_eq!(per_second(34, 10_000), "3.4");
        assert_eq!(per_second(120, 10_000), "12");
        assert_eq!(per_second(250_000, 10_000), "25.0\u{202f}k");
        assert_eq!(per_second(5, 0), "0");
    }

    #[test]
    fn a_little_is_not_shown_as_nothing() {
        assert_eq!(percent(0, 1_000_000), "0\u{202f}%");
        assert_eq!(percent(1, 1_000_000), "below 0.1\u{202f}%");
        assert_eq!(percent(3, 1_000), "0.3\u{202f}%");
        assert_eq!(percent(1, 2), "50\u{202f}%");
    }

    #[test]
    fn a_share_of_nothing_is_nothing() {
        assert_eq!(per_mille(5, 0), 0);
        assert_eq!(per_mille(1, 3), 333);
        assert_eq!(per_mille(7, 3), 1000);
    }
}
