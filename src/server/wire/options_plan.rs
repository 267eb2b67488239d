//! An options template, compiled: what its records say of sampling, names and the exporter itself.
//!
//! Options records are few, and what matters in them is numbers, short strings and scopes in any order; so
//! fields are walked one by one, where the [`Plan`](super::plan::Plan) of a flow template loads a list of
//! offsets. Elements that nobody asks for are skipped by length. Strings end at the first NUL, keep
//! [`MAX_TEXT_CHARS`] characters, and what is no UTF-8 or a control character is replaced.

use crate::model::exporter::Protocol;

use super::error::Result;
use super::plan::{Decoded, each_record, variable_field};
use super::reader::Reader;
use super::template::{Definition, Field, VARIABLE_LENGTH};

/// Characters of a string that are kept.
pub const MAX_TEXT_CHARS: usize = 64;

/// A number of an options record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// The observation domain that it is about (149).
    ObservationDomain,
    /// The interface that it is about: v9's scope, or 10, 252, 14, 253.
    Interface,
    /// The metering process that it is about (143).
    MeteringProcess,
    /// Selector (302) or sampler (48).
    Selector,
    /// Sampling interval 1 in n (34, 50).
    Interval,
    /// Packets sampled in a row (305).
    PacketInterval,
    /// Packets then left out (306).
    PacketSpace,
    /// Packets sampled (309) out of the population.
    Size,
    /// Population that they are sampled from (310).
    Population,
    /// Probability of each packet, the bits of a 64-bit float (311).
    Probability,
    /// Algorithm by IANA's registry of 304.
    Algorithm,
    /// Mode by v9's numbers: 1 systematic, 2 random (35, 49).
    Mode,
    /// Application: its classification engine in the highest byte, its selector in the others (95, RFC 6759).
    Application,
    /// VRF (234, 235).
    Vrf,
    /// When the exporter started, milliseconds since 1970 (160).
    SystemInit,
    /// A scope that flow records cannot be joined to: line card, port or template.
    Part,
}

const NUMBERS: usize = 16;

/// A string of an options record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// Name of a sampler (84) or selector (335).
    Selector,
    /// Short name of an interface (82).
    InterfaceName,
    /// Description of an interface (83).
    InterfaceDescription,
    /// Name of an application (96), else its description (94).
    Application,
    /// Name of a VRF (236).
    Vrf,
}

const TEXTS: usize = 5;

/// What a field is to an options record; of several the lowest rank wins, then the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Number(Number, u8),
    Text(Text, u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    length: u16,
    target: Option<Target>,
}

/// A compiled options template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionsPlan {
    steps: Vec<Step>,
    min_record_length: usize,
}

/// What one options record says.
#[derive(Clone, Copy, Debug)]
pub struct OptionsRecord<'a> {
    numbers: [Option<u64>; NUMBERS],
    texts: [Option<&'a [u8]>; TEXTS],
}

impl OptionsRecord<'_> {
    /// A number; `None` when the record has no such field.
    pub fn number(&self, number: Number) -> Option<u64> {
        self.numbers.get(number as usize).copied().flatten()
    }

    /// The low 32 bits of a number.
    pub fn low_u32(&self, number: Number) -> Option<u32> {
        self.number(number).and_then(|value| u32::try_from(value & u64::from(u32::MAX)).ok())
    }

    /// A string; `None` when the record has no such field.
    pub fn text(&self, text: Text) -> Option<String> {
        self.texts.get(text as usize).copied().flatten().map(shown)
    }
}

/// A string as it is kept.
fn shown(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let most = bytes.get(..end.min(4 * MAX_TEXT_CHARS)).unwrap_or_default();
    let text = String::from_utf8_lossy(most);
    let readable = text.trim().chars().map(|char| if char.is_control() { '\u{fffd}' } else { char });
    readable.take(MAX_TEXT_CHARS).collect()
}

impl OptionsPlan {
    /// Compiles an options template, some field of which has a length.
    pub fn compile(protocol: Protocol, definition: &Definition) -> Self {
        let is_v9 = protocol == Protocol::NetflowV9;
        let mut steps: Vec<Step> = Vec::with_capacity(definition.fields.len());
        let mut min_record_length = 0;
        for (index, field) in definition.fields.iter().enumerate() {
            let is_scope = index < definition.scope_count;
            let mut target = target(*field, is_scope, is_v9);
            for step in &mut steps {
                let (Some(new), Some(known)) = (target, step.target) else { continue };
                if new.takes_from(known) {
                    step.target = None;
                } else if new.is_of(known) {
                    target = None;
                }
            }
            min_record_length += if field.length == VARIABLE_LENGTH { 1 } else { usize::from(field.length) };
            steps.push(Step { length: field.length, target });
        }
        Self { steps, min_record_length: min_record_length.max(1) }
    }

    /// Decodes the records of a data set and gives each to `each`. Padding and errors are those of
    /// [`Plan::decode`](super::plan::Plan::decode).
    pub fn decode<'a>(
        &self,
        body: Reader<'a>,
        mut each: impl FnMut(&OptionsRecord<'a>),
    ) -> (Decoded, Result<()>) {
        each_record(body, self.min_record_length, u64::MAX, |reader| {
            each(&self.record(reader)?);
            Ok(())
        })
    }

    fn record<'a>(&self, reader: &mut Reader<'a>) -> Result<OptionsRecord<'a>> {
        let mut record = OptionsRecord { numbers: [None; NUMBERS], texts: [None; TEXTS] };
        for step in &self.steps {
            let field = if step.length == VARIABLE_LENGTH {
                variable_field(reader)?
            } else {
                reader.take(usize::from(step.length), "data record")?
            };
            match step.target {
                Some(Target::Number(number, _)) => {
                    if let Some(known) = record.numbers.get_mut(number as usize) {
                        *known = value(number, field.bytes());
                    }
                }
                Some(Target::Text(text, _)) => {
                    if let Some(known) = record.texts.get_mut(text as usize) {
                        *known = Some(field.bytes());
                    }
                }
                None => {}
            }
        }
        Ok(record)
    }
}

impl Target {
    fn is_of(self, other: Self) -> bool {
        match (self, other) {
            (Self::Number(one, _), Self::Number(other, _)) => one == other,
            (Self::Text(one, _), Self::Text(other, _)) => one == other,
            _ => false,
        }
    }

    const fn rank(self) -> u8 {
        let (Self::Number(_, rank) | Self::Text(_, rank)) = self;
        rank
    }

    fn takes_from(self, known: Self) -> bool {
        self.is_of(known) && self.rank() < known.rank()
    }
}

/// A number of 1 to 16 bytes, by its low 8.
fn value(number: Number, bytes: &[u8]) -> Option<u64> {
    let low = |bytes: &[u8]| bytes.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
    match (number, bytes) {
        (_, []) => None,
        (Number::Probability, _) => match bytes.len() {
            4 => bytes.first_chunk().map(|bytes| f64::from(f32::from_be_bytes(*bytes)).to_bits()),
            8 => Some(low(bytes)),
            _ => None,
        },
        (Number::Application, [engine, selector @ ..]) if bytes.len() <= 16 => {
            Some(u64::from(*engine) << 56 | low(selector) & (u64::MAX >> 8))
        }
        _ => (bytes.len() <= 16).then(|| low(bytes)),
    }
}

/// What a field is to an options record.
fn target(field: Field, is_scope: bool, is_v9: bool) -> Option<Target> {
    if field.enterprise != 0 || field.length == 0 {
        return None;
    }
    let number = |number, rank| Some(Target::Number(number, rank));
    let text = |text, rank| Some(Target::Text(text, rank));
    match field.element {
        // RFC 3954 §6.1: system, interface, line card, cache, template.
        2 if is_scope && is_v9 => number(Number::Interface, 0),
        3 | 5 if is_scope && is_v9 => number(Number::Part, 0),
        1 | 4 if is_scope && is_v9 => None,
        141 | 142 | 145 if is_scope => number(Number::Part, 0),
        10 | 252 => number(Number::Interface, 1),
        14 | 253 => number(Number::Interface, 2),
        34 => number(Number::Interval, 0),
        50 => number(Number::Interval, 1),
        49 => number(Number::Mode, 0),
        35 => number(Number::Mode, 1),
        302 => number(Number::Selector, 0),
        48 => number(Number::Selector, 1),
        95 => number(Number::Application, 0),
        143 => number(Number::MeteringProcess, 0),
        149 => number(Number::ObservationDomain, 0),
        160 => number(Number::SystemInit, 0),
        234 => number(Number::Vrf, 0),
        235 => number(Number::Vrf, 1),
        304 => number(Number::Algorithm, 0),
        305 => number(Number::PacketInterval, 0),
        306 => number(Number::PacketSpace, 0),
        309 => number(Number::Size, 0),
        310 => number(Number::Population, 0),
        311 => number(Number::Probability, 0),
        82 => text(Text::InterfaceName, 0),
        83 => text(Text::InterfaceDescription, 0),
        84 | 335 => text(Text::Selector, 0),
        94 => text(Text::Application, 1),
        96 => text(Text::Application, 0),
        236 => text(Text::Vrf, 0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(protocol: Protocol, scope_count: usize, fields: &[(u16, u16)]) -> OptionsPlan {
        let fields =
            fields.iter().map(|&(element, length)| Field { element, enterprise: 0, length }).collect();
        OptionsPlan::compile(protocol, &Definition { id: 256, is_options: true, scope_count, fields })
    }

    fn only_record<'a>(plan: &OptionsPlan, body: &'a [u8]) -> OptionsRecord<'a> {
        let mut records = Vec::new();
        let (decoded, result) = plan.decode(Reader::new(body), |record| records.push(*record));
        assert_eq!((decoded.records, result), (1, Ok(())));
        records[0]
    }

    #[test]
    fn a_scope_of_v9_is_no_information_element() {
        let body = [0, 7, 0, 9];
        let v9 = only_record(&plan(Protocol::NetflowV9, 1, &[(2, 2), (34, 2)]), &body);
        assert_eq!((v9.number(Number::Interface), v9.number(Number::Interval)), (Some(7), Some(9)));
        let ipfix = only_record(&plan(Protocol::Ipfix, 1, &[(2, 2), (34, 2)]), &body);
        assert_eq!((ipfix.number(Number::Interface), ipfix.number(Number::Interval)), (None, Some(9)));
    }

    #[test]
    fn a_string_ends_at_its_nul_and_is_bounded_and_readable_whatever_it_holds() {
        let plan = plan(Protocol::Ipfix, 1, &[(10, 1), (82, VARIABLE_LENGTH)]);
        let text = |content: &[u8]| {
            let mut body = vec![1, u8::try_from(content.len()).unwrap()];
            body.extend(content);
            only_record(&plan, &body).text(Text::InterfaceName).unwrap()
        };
        assert_eq!(text(b" Gi0/0/1 \0junk"), "Gi0/0/1");
        assert_eq!(text(b"a\x1b[2Jb\xff"), "a\u{fffd}[2Jb\u{fffd}");
        assert_eq!(text(&[b'x'; 200]).len(), MAX_TEXT_CHARS);
        assert_eq!(text("ü".repeat(100).as_bytes()), "ü".repeat(MAX_TEXT_CHARS));
        assert_eq!(text(b""), "");
    }

    #[test]
    fn an_application_is_engine_and_selector_whatever_its_length() {
        let id = |bytes: &[u8]| value(Number::Application, bytes);
        assert_eq!(id(&[3, 0, 1, 187]), Some(3 << 56 | 0x1bb));
        assert_eq!(id(&[3, 0, 0, 0, 0, 0, 0, 1, 187]), Some(3 << 56 | 0x1bb));
        assert_eq!(id(&[13]), Some(13 << 56));
        assert_eq!(id(&[0; 17]), None);
    }

    #[test]
    fn a_probability_is_read_in_both_lengths() {
        let single = value(Number::Probability, &0.25_f32.to_be_bytes()).map(f64::from_bits);
        let double = value(Number::Probability, &0.25_f64.to_be_bytes()).map(f64::from_bits);
        assert_eq!((single, double, value(Number::Probability, &[1])), (Some(0.25), Some(0.25), None));
    }

    #[test]
    fn the_name_wins_over_the_description_in_either_order() {
        for fields in [[(96, 1), (94, 1)], [(94, 1), (96, 1)]] {
            let body = if fields[0].0 == 96 { *b"nd" } else { *b"dn" };
            let plan = plan(Protocol::Ipfix, 0, &fields);
            assert_eq!(only_record(&plan, &body).text(Text::Application).as_deref(), Some("n"));
        }
    }
}
