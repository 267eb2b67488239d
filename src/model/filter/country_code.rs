//! A country as a filter names it.

use super::field::nearest;
use crate::model::countries::{countries, country};
use crate::model::place::CountryCode;

/// Reads the code of a country that exists. The error says for people what to write instead.
pub(super) fn parse(text: &str) -> Result<CountryCode, String> {
    let code = CountryCode::parse(text);
    if let Some(known) = code.and_then(country) {
        return Ok(known.code);
    }
    let meant = match text.to_ascii_uppercase().as_str() {
        "UK" => CountryCode::parse("GB"),
        "EL" => CountryCode::parse("GR"),
        "USA" => CountryCode::parse("US"),
        _ => code_of_name(text),
    };
    Err(match (meant, code) {
        (Some(meant), _) => format!("{text:?} is no country code: write \"{meant}\""),
        (None, Some(_)) => format!("no country has the code {text:?}: write its two letters, such as \"DE\""),
        (None, None) => format!(
            "{text:?} is no country code: write two letters, such as \"DE\", or unknown for those that no \
             database knows"
        ),
    })
}

fn code_of_name(text: &str) -> Option<CountryCode> {
    if text.chars().count() < 4 {
        return None;
    }
    let names = || countries().iter().map(|country| country.name.to_lowercase());
    let typed = text.to_lowercase();
    let name = nearest(&typed, names()).or_else(|| names().find(|name| name.contains(&typed)))?;
    countries().iter().find(|country| country.name.to_lowercase() == name).map(|country| country.code)
}
