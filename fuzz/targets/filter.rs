//! The filter language: any text is understood, or refused at a position within it; and what is understood
//! is understood again, as the same filter, from its canonical text.
#![no_main]

use meridian::model::filter::Filter;

libfuzzer_sys::fuzz_target!(|text: &str| {
    match text.parse::<Filter>() {
        Ok(filter) => {
            let again = filter.to_string().parse::<Filter>();
            assert_eq!(again, Ok(filter));
        }
        Err(error) => assert!(error.position as usize <= text.chars().count()),
    }
});
