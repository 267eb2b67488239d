//! Template records: how an exporter says what its data records look like.
//!
//! ```text
//! v9 and IPFIX template:     id  count                          then fields
//! v9 options template:       id  scope bytes  option bytes      then fields, scope first
//! IPFIX options template:    id  count  scope count             then fields, scope first
//! field:                     element  length  [IPFIX, high bit of element set: enterprise number]
//! ```

use serde::{Deserialize, Serialize};

use crate::model::exporter::Protocol;

use super::error::{Error, Reason, Result};
use super::reader::Reader;
use super::set::FIRST_DATA_SET;

/// The length that means: the record says how long the field is (RFC 7011 §7).
pub const VARIABLE_LENGTH: u16 = 65_535;
/// The bit of an element id that announces an enterprise number (RFC 7011 §3.2).
pub const ENTERPRISE_BIT: u16 = 0x8000;

/// One field of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    /// Element id without the enterprise bit; v9's type; v9's scope type in a scope.
    pub element: u16,
    /// Private enterprise number; 0 is IANA.
    pub enterprise: u32,
    /// Bytes, or [`VARIABLE_LENGTH`].
    pub length: u16,
}

/// A template as a message defines it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Template id, 256 and above.
    pub id: u16,
    /// True for an options template.
    pub is_options: bool,
    /// How many of the fields, at the front, are the scope.
    pub scope_count: usize,
    /// The fields in order.
    pub fields: Vec<Field>,
}

/// A template record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Defines a template, or defines it anew.
    Definition(Definition),
    /// Withdraws a template (IPFIX), or all when the id is a set id. Has no effect over UDP.
    Withdrawal(u16),
}

/// The template records of a set, in order.
///
/// A record that is refused costs only itself, unless it ends too early: then nothing follows. Padding
/// is a rest of zeros, or of up to three bytes, whatever they are: Cisco's WLC does not clear them.
#[derive(Clone, Debug)]
pub struct Definitions<'a> {
    reader: Reader<'a>,
    content_end: usize,
    protocol: Protocol,
    is_options: bool,
    max_fields: usize,
}

impl<'a> Definitions<'a> {
    /// The records in the body of a template set or an options template set.
    pub fn new(body: Reader<'a>, protocol: Protocol, is_options: bool, max_fields: usize) -> Self {
        Self { reader: body, content_end: body.content_end(), protocol, is_options, max_fields }
    }

    fn item(&mut self) -> Result<Item> {
        let is_ipfix = self.protocol == Protocol::Ipfix;
        let start = self.reader;
        let id = self.reader.u16("template id")?;
        let count = self.reader.u16("field count")?;
        if is_ipfix && count == 0 {
            return Ok(Item::Withdrawal(id));
        }
        let (scope_count, field_count) = match (self.is_options, is_ipfix) {
            (false, _) => (0, usize::from(count)),
            (true, true) => (usize::from(self.reader.u16("scope field count")?), usize::from(count)),
            (true, false) => {
                let option_bytes = self.reader.u16("option length")?;
                if count % 4 != 0 || option_bytes % 4 != 0 {
                    return Err(self.fatal(start.error("option scope length", Reason::TemplateScope)));
                }
                let scope_count = usize::from(count / 4);
                (scope_count, scope_count + usize::from(option_bytes / 4))
            }
        };
        let mut fields =
            Vec::with_capacity(field_count.min(self.max_fields).min(self.reader.remaining() / 4));
        for _ in 0..field_count {
            let field = self.field(is_ipfix)?;
            if fields.len() < self.max_fields {
                fields.push(field);
            }
        }
        let reason = if id < FIRST_DATA_SET {
            Reason::ReservedTemplateId
        } else if field_count > self.max_fields {
            Reason::TooManyFields
        } else if scope_count > field_count {
            Reason::TemplateScope
        } else if fields.iter().all(|field| field.length == 0) {
            Reason::EmptyTemplate
        } else {
            return Ok(Item::Definition(Definition { id, is_options: self.is_options, scope_count, fields }));
        };
        Err(start.error("template", reason))
    }

    fn field(&mut self, is_ipfix: bool) -> Result<Field> {
        let element = self.reader.u16("element id")?;
        let length = self.reader.u16("field length")?;
        if is_ipfix && element & ENTERPRISE_BIT != 0 {
            let enterprise = self.reader.u32("enterprise number")?;
            return Ok(Field { element: element & !ENTERPRISE_BIT, enterprise, length });
        }
        Ok(Field { element, enterprise: 0, length })
    }

    fn fatal(&mut self, error: Error) -> Error {
        self.reader.skip_rest();
        error
    }
}

impl Iterator for Definitions<'_> {
    type Item = Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.remaining() < 4 || self.reader.offset() >= self.content_end {
            return None;
        }
        let item = self.item();
        if let Err(Error { reason: Reason::Truncated, .. }) = item {
            self.reader.skip_rest();
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(protocol: Protocol, is_options: bool, words: &[u16]) -> Vec<Result<Item>> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        Definitions::new(Reader::new(&bytes), protocol, is_options, 4).collect()
    }

    fn reasons(items: &[Result<Item>]) -> Vec<Option<Reason>> {
        items.iter().map(|item| item.as_ref().err().map(|error| error.reason)).collect()
    }

    #[test]
    fn a_refused_template_costs_only_itself() {
        let words = [256, 1, 1, 0, 255, 1, 1, 4, 257, 5, 1, 1, 2, 1, 3, 1, 4, 1, 5, 1, 258, 1, 8, 4];
        let items = items(Protocol::NetflowV9, false, &words);
        let expected = [
            Some(Reason::EmptyTemplate),
            Some(Reason::ReservedTemplateId),
            Some(Reason::TooManyFields),
            None,
        ];
        assert_eq!(reasons(&items), expected);
    }

    #[test]
    fn a_template_that_ends_too_early_ends_the_set() {
        assert_eq!(reasons(&items(Protocol::Ipfix, false, &[256, 3, 1, 4, 2, 4])), [Some(Reason::Truncated)]);
        let rest = items(Protocol::Ipfix, false, &[256, 1, 1, 4, 257, 1]);
        assert_eq!(reasons(&rest), [None, Some(Reason::Truncated)]);
        assert_eq!(reasons(&items(Protocol::Ipfix, false, &[256, 1, 1, 4, 257])), [None]);
    }

    #[test]
    fn a_scope_in_bytes_and_a_scope_in_fields_mean_the_same() {
        let v9 = items(Protocol::NetflowV9, true, &[256, 4, 8, 1, 4, 34, 4, 35, 1, 0]);
        let ipfix = items(Protocol::Ipfix, true, &[256, 3, 1, 1, 4, 34, 4, 35, 1]);
        assert_eq!(v9, ipfix);
        let Ok(Item::Definition(definition)) = &v9[0] else { panic!("{v9:?}") };
        assert_eq!((definition.scope_count, definition.fields.len()), (1, 3));
    }

    #[test]
    fn an_enterprise_number_is_read_in_ipfix_only() {
        let words = [256, 1, 0x8001, 4, 0, 29_305];
        let Ok(Item::Definition(ipfix)) = &items(Protocol::Ipfix, false, &words)[0] else { panic!() };
        assert_eq!(ipfix.fields, [Field { element: 1, enterprise: 29_305, length: 4 }]);
        let Ok(Item::Definition(v9)) = &items(Protocol::NetflowV9, false, &words[..4])[0] else { panic!() };
        assert_eq!(v9.fields, [Field { element: 0x8001, enterprise: 0, length: 4 }]);
    }

    #[test]
    fn a_field_count_of_zero_withdraws_in_ipfix() {
        assert_eq!(items(Protocol::Ipfix, false, &[300, 0]), [Ok(Item::Withdrawal(300))]);
    }
}
