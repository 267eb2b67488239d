//! What expressions of `DataFusion` cannot say: whether an address is in one of many networks, whether a name is one of
//! some words without regard to case.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use crate::model::filter::is_same_word;
use crate::model::network::Network;

/// A test of one column. Never null: of an absent name it is the test of the empty word.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Membership {
    signature: Signature,
    of: Wanted,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Wanted {
    /// First and last address of each network as numbers, rising and apart; IPv4 and IPv6.
    Networks(Vec<(u32, u32)>, Vec<(u128, u128)>),
    Words(Vec<String>),
}

impl Membership {
    pub(super) fn of_networks(networks: &[Network]) -> Self {
        let (mut narrow, mut wide) = (Vec::new(), Vec::new());
        for network in networks {
            match (network.first(), network.last()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => narrow.push((first.to_bits(), last.to_bits())),
                (IpAddr::V6(first), IpAddr::V6(last)) => wide.push((first.to_bits(), last.to_bits())),
                _ => {}
            }
        }
        Self::new(Wanted::Networks(joined(narrow), joined(wide)))
    }

    pub(super) fn of_words(words: &[String]) -> Self {
        Self::new(Wanted::Words(words.to_vec()))
    }

    fn new(of: Wanted) -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable), of }
    }

    fn has_address(&self, octets: &[u8]) -> bool {
        let Wanted::Networks(narrow, wide) = &self.of else { return false };
        match octets.len() {
            4 => octets
                .try_into()
                .is_ok_and(|octets: [u8; 4]| is_within(narrow, Ipv4Addr::from_octets(octets).to_bits())),
            16 => octets
                .try_into()
                .is_ok_and(|octets: [u8; 16]| is_within(wide, Ipv6Addr::from_octets(octets).to_bits())),
            _ => false,
        }
    }

    fn has_word(&self, word: &str) -> bool {
        matches!(&self.of, Wanted::Words(words) if words.iter().any(|wanted| is_same_word(wanted, word)))
    }

    fn test(&self, column: &ArrayRef) -> Result<BooleanArray> {
        match column.data_type() {
            DataType::Binary => {
                Ok(column.as_binary::<i32>().iter().map(|octets| Some(self.has_address(octets?))).collect())
            }
            DataType::BinaryView => {
                Ok(column.as_binary_view().iter().map(|octets| Some(self.has_address(octets?))).collect())
            }
            DataType::Utf8 => Ok(column
                .as_string::<i32>()
                .iter()
                .map(|word| Some(self.has_word(word.unwrap_or_default())))
                .collect()),
            // Each name once, then the rows by number.
            DataType::Dictionary(..) => {
                let Some(dictionary) = column.as_any_dictionary_opt() else {
                    return exec_err!("a dictionary without values");
                };
                let of_values = self.test(dictionary.values())?;
                let numbers = cast(dictionary.keys(), &DataType::UInt32)?;
                let rows = take(&of_values, numbers.as_primitive::<arrow::datatypes::UInt32Type>(), None)?;
                let of_absent = self.has_word("");
                Ok(rows.as_boolean().iter().map(|is_member| Some(is_member.unwrap_or(of_absent))).collect())
            }
            other => exec_err!("membership of {other}"),
        }
    }
}

impl ScalarUDFImpl for Membership {
    fn name(&self) -> &str {
        match self.of {
            Wanted::Networks(..) => "is_in_networks",
            Wanted::Words(_) => "is_one_of_words",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(column) = arguments.args.first() else { return exec_err!("membership of nothing") };
        let column = column.to_array(arguments.number_rows)?;
        Ok(ColumnarValue::Array(Arc::new(self.test(&column)?)))
    }
}

/// Ranges in rising order, those that overlap made one.
fn joined<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut apart: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match apart.last_mut() {
            Some(before) if first <= before.1 => before.1 = before.1.max(last),
            _ => apart.push((first, last)),
        }
    }
    apart
}

fn is_within<T: Ord + Copy>(ranges: &[(T, T)], number: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= number);
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, last)| number <= *last)
}
