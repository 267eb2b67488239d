//! Sets (IPFIX) and flow sets (v9): an id, a length and a body.

use crate::model::exporter::Protocol;

use super::error::{Reason, Result};
use super::reader::Reader;

/// Bytes of a set's header.
pub const HEADER_LENGTH: usize = 4;
/// The lowest id of a data set, and so of a template.
pub const FIRST_DATA_SET: u16 = 256;

/// What a set holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Template records.
    Templates,
    /// Options template records.
    OptionsTemplates,
    /// Data records of the template with this id.
    Data(u16),
    /// An id that the protocol reserves.
    Reserved,
}

/// The set id of template sets.
pub const fn template_set_id(protocol: Protocol) -> u16 {
    if matches!(protocol, Protocol::Ipfix) { 2 } else { 0 }
}

/// The set id of options template sets.
pub const fn options_template_set_id(protocol: Protocol) -> u16 {
    template_set_id(protocol) + 1
}

/// A set within a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Set<'a> {
    /// Its id.
    pub id: u16,
    /// What follows its header, padding included.
    pub body: Reader<'a>,
}

impl Set<'_> {
    /// What the set holds.
    pub const fn kind(&self, protocol: Protocol) -> Kind {
        if self.id >= FIRST_DATA_SET {
            Kind::Data(self.id)
        } else if self.id == template_set_id(protocol) {
            Kind::Templates
        } else if self.id == options_template_set_id(protocol) {
            Kind::OptionsTemplates
        } else {
            Kind::Reserved
        }
    }
}

/// The sets of a message, in order. After an error there are no more.
///
/// A rest of zeros is padding.
#[derive(Clone, Debug)]
pub struct Sets<'a> {
    reader: Reader<'a>,
}

impl<'a> Sets<'a> {
    /// The sets in what follows a message's header.
    pub const fn new(reader: Reader<'a>) -> Self {
        Self { reader }
    }

    fn set(&mut self) -> Result<Option<Set<'a>>> {
        let start = self.reader;
        if start.remaining() < HEADER_LENGTH {
            let is_padding = start.is_zero();
            return if is_padding { Ok(None) } else { Err(start.error("set id", Reason::TrailingBytes)) };
        }
        let id = self.reader.u16("set id")?;
        let length = usize::from(self.reader.u16("set length")?);
        let Some(body_length) = length.checked_sub(HEADER_LENGTH) else {
            return if start.is_zero() {
                Ok(None)
            } else {
                Err(start.error("set length", Reason::SetLength))
            };
        };
        if body_length > self.reader.remaining() {
            return Err(start.error("set length", Reason::SetLength));
        }
        Ok(Some(Set { id, body: self.reader.take(body_length, "set")? }))
    }
}

impl<'a> Iterator for Sets<'a> {
    type Item = Result<Set<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let set = self.set();
        if !matches!(set, Ok(Some(_))) {
            self.reader.skip_rest();
        }
        set.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_after_the_last_set_are_padding_and_a_length_beyond_the_datagram_is_an_error() {
        let padded = [1, 0, 0, 6, 9, 9, 0, 0, 0, 0, 0, 0];
        assert_eq!(Sets::new(Reader::new(&padded)).map(|set| set.unwrap().id).collect::<Vec<_>>(), [256]);
        let long = [1, 0, 0, 9, 9, 9];
        let results: Vec<_> = Sets::new(Reader::new(&long)).map(|set| set.map(|set| set.id)).collect();
        assert_eq!(results.len(), 1);
        assert_eq!(results[0].unwrap_err().reason, Reason::SetLength);
        let rest = [1, 0, 0, 4, 0, 7];
        let results: Vec<_> = Sets::new(Reader::new(&rest)).map(|set| set.map(|set| set.id)).collect();
        assert_eq!((results.len(), results[0]), (2, Ok(256)));
        assert_eq!(results[1].unwrap_err().reason, Reason::TrailingBytes);
    }
}
