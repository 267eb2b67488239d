//! The length of a recorded WebM video, which browsers leave out because they write while they record.
//!
//! Without it players show no length and cannot jump. A head that is not laid out as browsers lay it out is left alone.

const EBML: u32 = 0x1A45_DFA3;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_A966;
const DURATION: u32 = 0x4489;
/// Names of what is named by its place in the file: it would be wrong behind a longer head.
const SEEK_HEAD: u32 = 0x114D_9B74;
const CUES: u32 = 0x1C53_BB6B;
/// A duration as it is written: its name, its length, and a number of eight bytes.
const DURATION_HEAD: [u8; 3] = [0x44, 0x89, 0x88];

/// The head of a video (its first bytes up to the first cluster at least) with the length in it, in milliseconds.
pub fn with_duration(head: &[u8], duration_ms: f64) -> Option<Vec<u8>> {
    let mut at = 0;
    let (name, length) = element(head, &mut at)?;
    if name != EBML {
        return None;
    }
    at = at.checked_add(usize::try_from(length?).ok()?)?;
    let (name, length) = element(head, &mut at)?;
    // A part of known length would have to be made longer.
    if name != SEGMENT || length.is_some() {
        return None;
    }
    loop {
        let before = at;
        let (name, length) = element(head, &mut at)?;
        let end = at.checked_add(usize::try_from(length?).ok()?)?;
        match name {
            SEEK_HEAD | CUES => return None,
            INFO => {
                let mut content = without_duration(head.get(at..end)?)?;
                content.extend(DURATION_HEAD);
                content.extend(duration_ms.to_be_bytes());
                let mut made = head.get(..before)?.to_vec();
                made.extend(INFO.to_be_bytes());
                made.extend(eight_bytes(content.len())?);
                made.extend(content);
                made.extend(head.get(end..)?);
                return Some(made);
            }
            _ => at = end,
        }
    }
}

/// What an information part holds, but no duration.
fn without_duration(content: &[u8]) -> Option<Vec<u8>> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < content.len() {
        let before = at;
        let (name, length) = element(content, &mut at)?;
        at = at.checked_add(usize::try_from(length?).ok()?)?;
        let whole = content.get(before..at)?;
        if name != DURATION {
            kept.extend(whole);
        }
    }
    Some(kept)
}

/// Name and length of the element that begins at `at`, which is moved to its content; `None` as length is "unknown".
fn element(bytes: &[u8], at: &mut usize) -> Option<(u32, Option<u64>)> {
    let (name, _) = number(bytes, at, true)?;
    let (length, is_unknown) = number(bytes, at, false)?;
    Some((u32::try_from(name).ok()?, (!is_unknown).then_some(length)))
}

/// A number whose first byte says by its leading zeros how many more there are, and whether all its bits are ones.
fn number(bytes: &[u8], at: &mut usize, keeps_marker: bool) -> Option<(u64, bool)> {
    let first = *bytes.get(*at)?;
    let length = usize::try_from(first.leading_zeros()).ok()? + 1;
    if length > 8 {
        return None;
    }
    let all = bytes.get(*at..at.checked_add(length)?)?;
    let value = all.iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
    let marker = 1_u64 << (7 * length);
    *at += length;
    Some((if keeps_marker { value } else { value & (marker - 1) }, value == (marker << 1) - 1))
}

fn eight_bytes(length: usize) -> Option<[u8; 8]> {
    let length = u64::try_from(length).ok().filter(|length| *length < 1 << 56)?;
    Some((length | 1 << 56).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Chromium writes it: a part of unknown length with information, tracks and clusters.
    fn head(info: &[u8]) -> Vec<u8> {
        let mut head = vec![0x1A, 0x45, 0xDF, 0xA3, 0x84, 0x42, 0x86, 0x81, 0x01];
        head.extend([0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
        head.extend([0x15, 0x49, 0xA9, 0x66, 0x80 | u8::try_from(info.len()).unwrap()]);
        head.extend(info);
        head.extend([0x16, 0x54, 0xAE, 0x6B, 0x81, 0x00, 0x1F, 0x43, 0xB6, 0x75]);
        head
    }

    const SCALE: [u8; 7] = [0x2A, 0xD7, 0xB1, 0x83, 0x0F, 0x42, 0x40];

    #[test]
    fn the_length_is_written_once_and_all_else_stays() {
        let made = with_duration(&head(&SCALE), 10_500.0).unwrap();
        let mut information = SCALE.to_vec();
        information.extend(DURATION_HEAD);
        information.extend(10_500.0_f64.to_be_bytes());
        let at = made.windows(information.len()).position(|window| window == information).unwrap();
        assert_eq!(made.get(..21), head(&SCALE).get(..21));
        assert_eq!(made.get(at + information.len()..), head(&SCALE).get(33..));
        // Written again it is replaced, not added.
        assert_eq!(with_duration(&made, 10_500.0), Some(made));
    }

    #[test]
    fn a_head_that_is_cut_off_or_of_another_kind_is_left_alone() {
        let whole = head(&SCALE);
        for end in 0..33 {
            assert_eq!(with_duration(whole.get(..end).unwrap(), 1.0), None, "{end} bytes");
        }
        assert_eq!(with_duration(b"RIFF....WEBP", 1.0), None);
        let mut known = whole;
        known.splice(13..21, [0x01, 0, 0, 0, 0, 0, 0, 40]);
        assert_eq!(with_duration(&known, 1.0), None);
    }
}
