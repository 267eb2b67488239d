//! Turns an error of the TOML reader into a sentence with line, excerpt and what to write instead.

use std::path::Path;

/// What is wrong, and the nearest word that would be right.
pub fn explain(text: &str, path: &Path, error: &toml::de::Error) -> String {
    let mut message = match error.span() {
        Some(span) => point(text, path, span.start, error.message()),
        None => format!("{}: {}", path.display(), error.message()),
    };
    if let Some(word) = nearest_expected(error.message()) {
        message.push_str(&format!("\n  did you mean `{word}`?"));
    }
    if error.message().contains("socket address") {
        message.push_str("\n  write an address with a port, such as \"0.0.0.0:2055\" or \"[::]:2055\"");
    }
    message
}

/// A message with the place in the file that it is about: `file:line:column: message`, and the line itself.
pub fn point(text: &str, path: &Path, position: usize, message: &str) -> String {
    let before = text.get(..position).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(1, |start| start.chars().count() + 1);
    let excerpt = text.lines().nth(line - 1).map_or("", str::trim_end);
    format!("{}:{line}:{column}: {message}\n  {line} | {excerpt}", path.display())
}

/// The expected word nearest to the unknown one, when serde lists both between back quotes.
fn nearest_expected(message: &str) -> Option<&str> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next().filter(|_| message.starts_with("unknown"))?;
    quoted
        .map(|word| (strsim::damerau_levenshtein(unknown, word), word))
        .min()
        .filter(|(distance, word)| *distance <= 1 + word.len() / 3)
        .map(|(_, word)| word)
}
