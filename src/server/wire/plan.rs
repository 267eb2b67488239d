//! A template, compiled: which bytes of a data record go into which slot.
//!
//! All a flow record needs is a fixed number of integers, so decoding a record is a list of loads into
//! an array of slots, without a branch on what a field means and without allocation. Which element wins
//! a slot (1 before 85 before 231, milliseconds before seconds) is decided once, when the template
//! arrives. Elements nobody asks for are skipped by length.

use super::error::{Reason, Result};
use super::out_counters::OutCounters;
use super::reader::Reader;
use super::slot::{
    Clocks, INITIATOR_RANK, PACKET_LENGTH_RANK, SLOTS, Slot, Target, Values, is_event, is_of_one_packet,
    usable_target,
};
use super::template::{Field, VARIABLE_LENGTH};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    offset: u32,
    width: u8,
    slot: Slot,
}

/// Fields of fixed length; a variable-length field follows each but the last segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Segment {
    steps: Vec<Step>,
    length: usize,
}

/// A compiled template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    segments: Vec<Segment>,
    min_record_length: usize,
    present: u64,
    clocks: Clocks,
    is_biflow: bool,
    repeats_updates: bool,
    may_be_event: bool,
    implied_packets: u64,
}

/// What a data set yielded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Records decoded.
    pub records: u64,
    /// Whole records of zeros at the end of the set, left out.
    pub zero_records: u64,
}

impl Plan {
    /// Compiles the fields of a template. The first `scope_count` are skipped: they say what the
    /// others are about. `None` when a record would have no bytes.
    pub fn compile(fields: &[Field], scope_count: usize) -> Option<Self> {
        Self::compile_with(fields, scope_count, OutCounters::Automatic)
    }

    /// The same, with a say in what 23 and 24 count.
    pub fn compile_with(fields: &[Field], scope_count: usize, out_counters: OutCounters) -> Option<Self> {
        let has_reverse_out = out_counters.are_reverse(fields);
        let usable_target = |field| {
            let target = usable_target(field);
            if has_reverse_out { target.map(Target::with_reverse_out_counters) } else { target }
        };
        let mut won: [Option<(u8, usize)>; SLOTS] = [None; SLOTS];
        for (index, field) in fields.iter().enumerate().skip(scope_count) {
            if let Some(target) = usable_target(*field)
                && let Some(best) = won.get_mut(target.slot as usize)
                && best.is_none_or(|(rank, _)| target.rank < rank)
            {
                *best = Some((target.rank, index));
            }
        }
        // Responder counters belong to initiator counters only, RFC 5103's to IANA's.
        let is_initiator = |won: Option<(u8, usize)>| won.map(|(rank, _)| rank == INITIATOR_RANK);
        for (forward, reverse) in [(Slot::Bytes, Slot::ReverseBytes), (Slot::Packets, Slot::ReversePackets)] {
            if is_initiator(won[forward as usize])
                .is_some_and(|is| Some(is) != is_initiator(won[reverse as usize]))
            {
                won[reverse as usize] = None;
            }
        }
        let is_of_one_packet =
            won[Slot::Packets as usize].is_none() && fields.iter().any(|field| is_of_one_packet(*field));
        let bytes = &mut won[Slot::Bytes as usize];
        if !is_of_one_packet && bytes.is_some_and(|(rank, _)| rank >= PACKET_LENGTH_RANK) {
            *bytes = None;
        }
        let wins = |slot: Slot, index| won[slot as usize].is_some_and(|(_, winner)| winner == index);

        let mut plan = Self {
            segments: Vec::new(),
            min_record_length: 0,
            present: 0,
            clocks: Clocks::default(),
            is_biflow: false,
            repeats_updates: is_initiator(won[Slot::Bytes as usize]) == Some(true),
            may_be_event: fields.iter().any(|field| is_event(*field)),
            implied_packets: u64::from(is_of_one_packet),
        };
        plan.is_biflow = [Slot::ReverseBytes, Slot::ReversePackets]
            .iter()
            .any(|&slot| won[slot as usize].is_some_and(|(rank, _)| rank != INITIATOR_RANK));
        let mut segment = Segment::default();
        for (index, field) in fields.iter().enumerate() {
            if field.length == VARIABLE_LENGTH {
                plan.min_record_length += segment.length + 1;
                plan.segments.push(std::mem::take(&mut segment));
                continue;
            }
            if index >= scope_count
                && let Some(target) = usable_target(*field)
                && wins(target.slot, index)
            {
                plan.present |= 1 << target.slot as u64;
                plan.set_clock(&target);
                segment.push(&target, usize::from(field.length));
            }
            segment.length += usize::from(field.length);
        }
        segment.sort();
        plan.min_record_length += segment.length;
        plan.segments.push(segment);
        (plan.min_record_length > 0).then_some(plan)
    }

    fn set_clock(&mut self, target: &Target) {
        match target.slot {
            Slot::Start => self.clocks.start = target.clock,
            Slot::End => self.clocks.end = target.clock,
            Slot::ReverseStart => self.clocks.reverse_start = target.clock,
            Slot::ReverseEnd => self.clocks.reverse_end = target.clock,
            _ => {}
        }
    }

    /// True when the template has a field for this slot.
    #[inline]
    pub const fn has(&self, slot: Slot) -> bool {
        self.present & (1 << slot as u64) != 0
    }

    /// What the time slots count.
    #[inline]
    pub const fn clocks(&self) -> Clocks {
        self.clocks
    }

    /// True when records hold both halves of a biflow (RFC 5103).
    #[inline]
    pub const fn is_biflow(&self) -> bool {
        self.is_biflow
    }

    /// True when flow update events state what the teardown event states again (ASA NSEL, 231).
    #[inline]
    pub const fn repeats_updates(&self) -> bool {
        self.repeats_updates
    }

    /// True when records can be of a firewall or NAT event instead of traffic (230, 233).
    #[inline]
    pub const fn may_be_event(&self) -> bool {
        self.may_be_event
    }

    /// Packets that a record stands for beside those it counts: 1 where records are of single packets (RFC 5476)
    /// and have no packet counter, else 0.
    #[inline]
    pub const fn implied_packets(&self) -> u64 {
        self.implied_packets
    }

    /// True when a data record can become two flow records.
    pub const fn has_reverse(&self) -> bool {
        self.has(Slot::ReverseBytes) || self.has(Slot::ReversePackets)
    }

    /// Flow records that a set with a body of so many bytes can become at most; at least 1.
    pub fn most_flows(&self, body_length: usize) -> u64 {
        let records = (body_length / self.min_record_length).max(1) as u64;
        if self.has_reverse() { 2 * records } else { records }
    }

    /// Decodes the records of a data set and gives each to `each`, at most `max_records`.
    ///
    /// Zeros at the end are padding: a rest shorter than a record, and whole records of them. So are up to
    /// three bytes that fill the set up to a multiple of four, whatever they are: nprobe and `RouterOS` do
    /// not clear them. Any other rest is an error. After an error the records before it have been given.
    pub fn decode(
        &self,
        body: Reader<'_>,
        max_records: u64,
        mut each: impl FnMut(&Values),
    ) -> (Decoded, Result<()>) {
        let mut decoded = Decoded { records: 0, zero_records: 0 };
        let mut values = Values::new();
        let content = body.content_end() - body.offset();
        if let [segment] = self.segments.as_slice() {
            let records = body.bytes().chunks_exact(self.min_record_length);
            let rest_length = records.remainder().len();
            for (index, record) in records.enumerate() {
                if index * self.min_record_length >= content {
                    decoded.zero_records += 1;
                    continue;
                }
                if decoded.records == max_records {
                    return (decoded, Err(body.error("data set", Reason::TooManyRecords)));
                }
                segment.load(record, &mut values);
                each(&values);
                decoded.records += 1;
            }
            let mut rest = body;
            let result = rest.take(body.remaining() - rest_length, "data set");
            return (decoded, result.and_then(|_| padding(rest, body, decoded)));
        }
        each_record(body, self.min_record_length, max_records, |reader| {
            self.load(reader, &mut values)?;
            each(&values);
            Ok(())
        })
    }

    /// Counts the records that [`decode`](Self::decode) would give, without loading those of fixed length.
    pub fn count(&self, body: Reader<'_>) -> (Decoded, Result<()>) {
        if self.segments.len() > 1 {
            return self.decode(body, u64::MAX, |_| {});
        }
        let content = body.content_end() - body.offset();
        let whole = body.remaining() / self.min_record_length;
        let records = whole.min(content.div_ceil(self.min_record_length));
        let decoded = Decoded { records: records as u64, zero_records: (whole - records) as u64 };
        let mut rest = body;
        let result = rest.take(whole * self.min_record_length, "data set");
        (decoded, result.and_then(|_| padding(rest, body, decoded)))
    }

    /// Loads a record that has fields of variable length.
    fn load(&self, reader: &mut Reader<'_>, values: &mut Values) -> Result<()> {
        for (index, segment) in self.segments.iter().enumerate() {
            if index > 0 {
                variable_field(reader)?;
            }
            segment.load(reader.take(segment.length, "data record")?.bytes(), values);
        }
        Ok(())
    }
}

/// Takes a field off that says how long it is.
pub(super) fn variable_field<'a>(reader: &mut Reader<'a>) -> Result<Reader<'a>> {
    let mut length = usize::from(reader.u8("variable length")?);
    if length == 255 {
        length = usize::from(reader.u16("variable length")?);
    }
    reader.take(length, "variable-length field")
}

/// Gives `one` the records of a data set, which it takes off one by one, with padding as in [`Plan::decode`].
/// `min_record_length` is above 0.
pub(super) fn each_record<'a>(
    body: Reader<'a>,
    min_record_length: usize,
    max_records: u64,
    mut one: impl FnMut(&mut Reader<'a>) -> Result<()>,
) -> (Decoded, Result<()>) {
    let mut decoded = Decoded { records: 0, zero_records: 0 };
    let end = body.content_end();
    let mut reader = body;
    while reader.remaining() >= min_record_length {
        if reader.offset() >= end {
            decoded.zero_records += (reader.remaining() / min_record_length) as u64;
            return (decoded, Ok(()));
        }
        if decoded.records == max_records {
            return (decoded, Err(reader.error("data set", Reason::TooManyRecords)));
        }
        if let Err(error) = one(&mut reader) {
            return (decoded, Err(error));
        }
        decoded.records += 1;
    }
    (decoded, padding(reader, body, decoded))
}

/// What follows the last whole record is padding, or else an error: part of a record where there is none.
fn padding(rest: Reader<'_>, body: Reader<'_>, decoded: Decoded) -> Result<()> {
    let aligns = rest.remaining() < 4 && body.remaining().is_multiple_of(4);
    if rest.is_zero() || (aligns && decoded.records > 0) {
        return Ok(());
    }
    let reason = if decoded.records == 0 { Reason::Truncated } else { Reason::TrailingBytes };
    Err(rest.error("data record", reason))
}

impl Segment {
    fn push(&mut self, target: &Target, length: usize) {
        let low_half = match target.slot {
            Slot::SourceV6High => Some(Slot::SourceV6Low),
            Slot::DestinationV6High => Some(Slot::DestinationV6Low),
            _ => None,
        };
        if let Some(low) = low_half {
            self.push_step(self.length, 8, target.slot);
            self.push_step(self.length + 8, 8, low);
        } else {
            let width = length.min(8);
            self.push_step(self.length + length - width, width, target.slot);
        }
    }

    fn push_step(&mut self, offset: usize, width: usize, slot: Slot) {
        if let (Ok(offset), Ok(width)) = (u32::try_from(offset), u8::try_from(width)) {
            self.steps.push(Step { offset, width, slot });
        }
    }

    /// Steps of one width follow each other: the processor guesses the width right.
    fn sort(&mut self) {
        self.steps.sort_by_key(|step| (step.width, step.offset));
    }

    #[inline]
    fn load(&self, record: &[u8], values: &mut Values) {
        for step in &self.steps {
            let Some(bytes) = record.get(step.offset as usize..) else { return };
            let value = match step.width {
                1 => bytes.first_chunk().map(|bytes| u64::from(u8::from_be_bytes(*bytes))),
                2 => bytes.first_chunk().map(|bytes| u64::from(u16::from_be_bytes(*bytes))),
                4 => bytes.first_chunk().map(|bytes| u64::from(u32::from_be_bytes(*bytes))),
                8 => bytes.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)),
                width => bytes
                    .get(..usize::from(width))
                    .map(|bytes| bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte))),
            };
            values.put(step.slot, value.unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(element: u16, length: u16) -> Field {
        Field { enterprise: 0, element, length }
    }

    fn decoded(fields: &[Field], body: &[u8], slot: Slot) -> (Vec<u64>, Decoded, Result<()>) {
        let mut values = Vec::new();
        let plan = Plan::compile(fields, 0).unwrap();
        let (decoded, result) =
            plan.decode(Reader::new(body), u64::MAX, |record| values.push(record.value(slot)));
        assert_eq!(plan.count(Reader::new(body)), (decoded, result), "counting is decoding without values");
        (values, decoded, result)
    }

    #[test]
    fn integers_of_any_width_up_to_sixteen_bytes_are_read_by_their_low_eight() {
        for width in 1..=16_u16 {
            let mut body = vec![0; usize::from(width)];
            *body.last_mut().unwrap() = 7;
            assert_eq!(decoded(&[field(1, width)], &body, Slot::Bytes).0, [7], "{width} bytes");
        }
        assert_eq!(decoded(&[field(1, 3)], &[1, 2, 3], Slot::Bytes).0, [0x01_0203]);
    }

    #[test]
    fn an_address_of_a_wrong_length_is_skipped_and_the_rest_is_read() {
        let body = [9, 9, 9, 9, 9, 80];
        assert_eq!(decoded(&[field(8, 5), field(7, 1)], &body, Slot::SourcePort).0, [80]);
        assert_eq!(decoded(&[field(8, 5), field(7, 1)], &body, Slot::SourceV4).0, [0]);
    }

    #[test]
    fn octet_delta_count_wins_over_total_and_the_first_of_two_equals_wins() {
        assert_eq!(decoded(&[field(85, 1), field(1, 1)], &[5, 6], Slot::Bytes).0, [6]);
        assert_eq!(decoded(&[field(1, 1), field(1, 1)], &[5, 6], Slot::Bytes).0, [5]);
    }

    #[test]
    fn responder_bytes_are_a_reverse_only_beside_initiator_bytes() {
        assert!(Plan::compile(&[field(231, 4), field(232, 4)], 0).unwrap().has(Slot::ReverseBytes));
        assert!(!Plan::compile(&[field(1, 4), field(232, 4)], 0).unwrap().has(Slot::ReverseBytes));
    }

    #[test]
    fn fields_after_a_variable_one_are_found_with_short_and_long_lengths() {
        let fields = [field(1, 1), field(82, VARIABLE_LENGTH), field(7, 2)];
        let mut body = vec![1, 2, b'a', b'b', 0, 80, 1, 255, 1, 0];
        body.extend([b'x'; 256]);
        body.extend([1, 187]);
        let (ports, counts, result) = decoded(&fields, &body, Slot::SourcePort);
        assert_eq!((ports, counts.records, result), (vec![80, 443], 2, Ok(())));
    }

    #[test]
    fn a_variable_length_beyond_the_set_keeps_the_records_before_it() {
        let fields = [field(7, 1), field(82, VARIABLE_LENGTH)];
        let (ports, counts, result) = decoded(&fields, &[80, 1, b'a', 81, 9, b'a'], Slot::SourcePort);
        assert_eq!((ports, counts.records), (vec![80], 1));
        assert_eq!(result.unwrap_err().reason, Reason::Truncated);
    }

    #[test]
    fn a_zero_filled_tail_yields_no_records_but_zeros_within_do() {
        let body = [0, 0, 1, 1, 0, 0, 0, 0, 0];
        let (values, counts, _) = decoded(&[field(1, 2)], &body, Slot::Bytes);
        assert_eq!((values, counts.zero_records), (vec![0, 257], 2));
    }

    #[test]
    fn a_rest_that_is_no_padding_is_an_error_after_the_records_before_it() {
        let of_fixed_length = [field(1, 2)];
        let of_variable_length = [field(1, 2), field(82, VARIABLE_LENGTH)];
        for (fields, record) in [(&of_fixed_length[..], &[1, 1][..]), (&of_variable_length, &[1, 1, 0])] {
            let with = |rest: &[u8]| decoded(fields, &[record, record, rest].concat(), Slot::Bytes);
            assert_eq!(with(&[0]).2, Ok(()));
            let (values, counts, result) = with(&[7]);
            assert_eq!((values, counts.records), (vec![257, 257], 2));
            let error = result.unwrap_err();
            assert_eq!((error.reason, error.offset), (Reason::TrailingBytes, 2 * record.len()));
            let short = decoded(fields, &record[..1], Slot::Bytes);
            assert_eq!((short.1.records, short.2.unwrap_err().reason), (0, Reason::Truncated));
        }
    }

    #[test]
    fn bytes_that_align_the_set_are_padding_whatever_they_are() {
        assert_eq!(decoded(&[field(1, 5)], &[0, 0, 0, 0, 9, 7, 7, 7], Slot::Bytes).2, Ok(()));
        assert!(decoded(&[field(1, 5)], &[0, 0, 0, 0, 9, 7, 7], Slot::Bytes).2.is_err());
        assert!(decoded(&[field(1, 7)], &[0, 0, 0, 9], Slot::Bytes).2.is_err());
    }

    #[test]
    fn a_template_without_bytes_does_not_compile() {
        assert_eq!(Plan::compile(&[field(1, 0), field(2, 0)], 0), None);
        assert_eq!(Plan::compile(&[], 0), None);
        assert!(Plan::compile(&[field(1, 0), field(2, 1)], 0).is_some());
    }
}
