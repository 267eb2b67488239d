//! Names of TCP flags: `syn+ack` for people, `SA` as nfdump's users write it.

/// Bit, name and letter, in the order that names are joined.
const FLAGS: [(u16, &str, char); 9] = [
    (0x002, "syn", 's'),
    (0x001, "fin", 'f'),
    (0x004, "rst", 'r'),
    (0x008, "psh", 'p'),
    (0x010, "ack", 'a'),
    (0x020, "urg", 'u'),
    (0x040, "ece", 'e'),
    (0x080, "cwr", 'c'),
    (0x100, "ns", 'n'),
];

/// Every flag there is.
pub const ALL: u16 = 0x1ff;

/// The flags by name, joined by plus signs; `none` for none.
pub fn text(flags: u16) -> String {
    let set: Vec<_> = FLAGS.iter().filter(|(bit, ..)| flags & bit != 0).map(|(_, name, _)| *name).collect();
    if set.is_empty() { "none".to_owned() } else { set.join("+") }
}

/// Reads `syn+ack`, `SA`, `none`, `18` or `0x12`, in any case.
pub fn parse(text: &str) -> Option<u16> {
    let text = text.to_ascii_lowercase();
    let number = match text.strip_prefix("0x") {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            u16::from_str_radix(digits, 16).ok()
        }
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    if number.is_some() || text == "none" {
        return number.or(Some(0)).filter(|flags| *flags <= ALL);
    }
    text.split('+').try_fold(0, |flags, part| Some(flags | named(part)?))
}

/// One name, or letters of several flags.
fn named(text: &str) -> Option<u16> {
    if let Some((bit, ..)) = FLAGS.iter().find(|(_, name, _)| *name == text) {
        return Some(*bit);
    }
    let letters = text.chars().try_fold(0, |flags, letter| {
        let (bit, ..) = FLAGS.iter().find(|(.., known)| *known == letter)?;
        (flags & bit == 0).then_some(flags | bit)
    });
    letters.filter(|flags| *flags != 0)
}

/// Flags as they are often seen together, with what they say, for suggestions.
pub const USUAL: [(u16, &str); 7] = [
    (0x002, "a connection is asked for"),
    (0x012, "a connection is answered"),
    (0x01b, "a whole connection"),
    (0x018, "data on the way"),
    (0x010, "an open connection"),
    (0x011, "a connection ends"),
    (0x014, "a connection is refused"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_read_back_from_its_name() {
        for flags in 0..=ALL {
            assert_eq!(parse(&text(flags)), Some(flags));
            assert_eq!(parse(&flags.to_string()), Some(flags));
            assert_eq!(parse(&format!("0x{flags:X}")), Some(flags));
        }
        assert_eq!((text(0x12).as_str(), text(0).as_str()), ("syn+ack", "none"));
    }

    #[test]
    fn letters_are_read_in_any_order_and_nothing_else_is() {
        assert_eq!(parse("S"), Some(2));
        assert_eq!(parse("AS"), Some(0x12));
        assert_eq!(parse("ack+SYN"), Some(0x12));
        assert_eq!(parse("UAPRSF"), Some(0x3f));
        for wrong in ["", "+", "syn+", "ss", "x", "512", "0x", "0x200", "syn-ack", "é"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
