//! What can be wrong with bytes from the network.

use thiserror::Error;

/// Why something could not be decoded. The set is closed: each is a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The bytes end before the value does.
    Truncated,
    /// The version word is none that is decoded.
    UnknownVersion,
    /// An address in sFlow that is neither IPv4 nor IPv6.
    AddressType,
    /// A sample of sFlow, or a record in one, states a length beyond what holds it.
    SampleLength,
    /// A message states a length shorter than its header.
    MessageLength,
    /// A set states a length shorter than its header, or beyond the datagram.
    SetLength,
    /// A set id that the protocol reserves.
    ReservedSetId,
    /// Bytes after the last record of a set, or after the last set of a message, that are neither one more
    /// nor padding; the same of sFlow's samples.
    TrailingBytes,
    /// A header of v1, v5 or v7 states more records than the datagram holds, or more than 30 (v5); sFlow counts
    /// more samples or records than there are.
    RecordCount,
    /// A datagram of more flow records than the limit: those beyond it are left out.
    TooManyRecords,
    /// A template id below 256.
    ReservedTemplateId,
    /// A template whose records would have no bytes.
    EmptyTemplate,
    /// A template with more fields than the limit.
    TooManyFields,
    /// An options template whose scope does not fit its fields.
    TemplateScope,
    /// The exporter has as many templates, or fields in them, as the limit allows, all in use.
    TemplateCacheFull,
    /// All exporters together have as many template fields as the limit allows.
    TemplateFieldsFull,
    /// The table of exporters is full: the datagram of a new one is refused.
    ExporterTableFull,
}

impl Reason {
    /// Every reason, in the order of [`Reason::index`].
    pub const ALL: [Self; 17] = [
        Self::Truncated,
        Self::UnknownVersion,
        Self::AddressType,
        Self::SampleLength,
        Self::MessageLength,
        Self::SetLength,
        Self::ReservedSetId,
        Self::TrailingBytes,
        Self::RecordCount,
        Self::TooManyRecords,
        Self::ReservedTemplateId,
        Self::EmptyTemplate,
        Self::TooManyFields,
        Self::TemplateScope,
        Self::TemplateCacheFull,
        Self::TemplateFieldsFull,
        Self::ExporterTableFull,
    ];

    /// Position in arrays by reason.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The label in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::UnknownVersion => "unknown_version",
            Self::AddressType => "address_type",
            Self::SampleLength => "sample_length",
            Self::MessageLength => "message_length",
            Self::SetLength => "set_length",
            Self::ReservedSetId => "reserved_set_id",
            Self::TrailingBytes => "trailing_bytes",
            Self::RecordCount => "record_count",
            Self::TooManyRecords => "too_many_records",
            Self::ReservedTemplateId => "reserved_template_id",
            Self::EmptyTemplate => "empty_template",
            Self::TooManyFields => "too_many_fields",
            Self::TemplateScope => "template_scope",
            Self::TemplateCacheFull => "template_cache_full",
            Self::TemplateFieldsFull => "template_fields_full",
            Self::ExporterTableFull => "exporter_table_full",
        }
    }

    /// The reason in words, for people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Truncated => "the bytes end too early",
            Self::UnknownVersion => "not NetFlow v1, v5, v7, v9, IPFIX or sFlow v5",
            Self::AddressType => "an address that is neither IPv4 nor IPv6",
            Self::SampleLength => "a sample's length does not fit the datagram",
            Self::MessageLength => "the message is shorter than its header",
            Self::SetLength => "a set's length does not fit the datagram",
            Self::ReservedSetId => "a set id that the protocol reserves",
            Self::TrailingBytes => "bytes at the end that are neither a record nor padding",
            Self::RecordCount => "more records announced than the datagram holds",
            Self::TooManyRecords => "more records than any real datagram holds",
            Self::ReservedTemplateId => "a template id below 256",
            Self::EmptyTemplate => "a template whose records have no bytes",
            Self::TooManyFields => "a template with too many fields",
            Self::TemplateScope => "an options template whose scope does not fit its fields",
            Self::TemplateCacheFull => "too many templates of one exporter",
            Self::TemplateFieldsFull => "too many template fields of all exporters",
            Self::ExporterTableFull => "too many exporters",
        }
    }
}

/// Something that could not be decoded, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{} at byte {offset}, {field}", reason.text())]
pub struct Error {
    /// Bytes from the start of the datagram.
    pub offset: usize,
    /// The name of the value that was being read, as its standard calls it.
    pub field: &'static str,
    /// Why.
    pub reason: Reason,
}

/// The result of decoding.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_listed_at_its_index_with_a_label_of_its_own() {
        let mut labels = std::collections::BTreeSet::new();
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), index);
            assert!(labels.insert(reason.label()));
            assert!(reason.label().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
            assert!(
                crate::model::undecodable::words(reason.label()).is_some(),
                "{} has no words",
                reason.label()
            );
        }
    }

    #[test]
    fn an_error_says_what_where_and_why() {
        let error = Error { offset: 18, field: "set length", reason: Reason::SetLength };
        assert_eq!(error.to_string(), "a set's length does not fit the datagram at byte 18, set length");
    }
}
