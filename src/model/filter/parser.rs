//! From tokens to an expression, by recursive descent: `or` binds weakest, then `and`, then `not`.

use super::expression::{Comparison, Expression, Term, Test, Values};
use super::field::{Field, nearest};
use super::lexer::{Kind, Token};
use super::{FilterError, MAX_DEPTH, MAX_TERMS, country_code, pair};
use crate::model::protocol_names::{filter_names, protocol_number, service_names, service_ports};
use crate::model::tcp_flags;
use crate::model::traffic::Direction;

/// The expression that the tokens say; `None` when there are no tokens. `end` is the length of the text.
pub(super) fn parse(tokens: &[Token], end: usize) -> Result<Option<Expression>, FilterError> {
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { tokens, position: 0, end, depth: 0, values: 0 };
    let expression = parser.any()?;
    match parser.peek() {
        None => Ok(Some(expression)),
        Some(token) if token.kind == Kind::Close => {
            Err(at(token, "this parenthesis closes nothing: take it away, or open one before"))
        }
        Some(token) if token.kind == Kind::Comma => {
            Err(at(token, "a list needs in and parentheses, like port in (80, 443)"))
        }
        Some(token) => {
            Err(at(token, "write and or or between two conditions; a text of several words needs quotes"))
        }
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    position: usize,
    end: usize,
    depth: usize,
    values: usize,
}

/// More values than any that stands for two fields is written out with.
const MOST_OF_A_PAIR: usize = 8;
const CONDITION_MISSING: &str = "a condition is missing: write one like dst.port = 443";

/// What stands between a field and its values.
enum Operator {
    OneOf { is_list: bool },
    NoneOf { is_list: bool },
    Compare(Comparison),
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.position)
    }

    fn next(&mut self) -> Option<&'a Token> {
        let token = self.peek()?;
        self.position += 1;
        Some(token)
    }

    /// Goes on when the next token is this sign or this word, in any case.
    fn take(&mut self, sign: &Kind, word: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.kind == *sign || is_word(token, word));
        self.position += usize::from(found);
        found
    }

    fn missing(&self, message: impl Into<String>) -> FilterError {
        FilterError::new(self.end, 0, message)
    }

    fn any(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.all()?];
        while self.take(&Kind::Or, "or") {
            parts.push(self.all()?);
        }
        Expression::any(parts).ok_or_else(|| self.missing(CONDITION_MISSING))
    }

    fn all(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.one()?];
        while self.take(&Kind::And, "and") {
            parts.push(self.one()?);
        }
        Expression::all(parts).ok_or_else(|| self.missing(CONDITION_MISSING))
    }

    fn one(&mut self) -> Result<Expression, FilterError> {
        let start = self.peek();
        let is_negated = self.take(&Kind::Not, "not");
        if !is_negated && !start.is_some_and(|token| token.kind == Kind::Open) {
            return self.term();
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("this is nested more than {MAX_DEPTH} deep: write a flatter filter");
            return Err(
                start.map_or_else(|| self.missing(message.as_str()), |token| at(token, message.as_str()))
            );
        }
        let inner = if is_negated { self.one()?.negated() } else { self.parenthesised()? };
        self.depth -= 1;
        Ok(inner)
    }

    fn parenthesised(&mut self) -> Result<Expression, FilterError> {
        let open = self.next();
        let inner = self.any()?;
        match self.next() {
            Some(token) if token.kind == Kind::Close => Ok(inner),
            Some(token) => Err(at(token, "write and, or or a closing parenthesis here")),
            None => Err(open.map_or_else(
                || self.missing("write ) here"),
                |token| at(token, "this parenthesis is never closed: write ) after what belongs to it"),
            )),
        }
    }

    fn term(&mut self) -> Result<Expression, FilterError> {
        let Some(token) = self.next() else {
            return Err(self.missing(CONDITION_MISSING));
        };
        let Kind::Word(name) = &token.kind else {
            return Err(at(token, "a condition begins with a field: write one like dst.port = 443"));
        };
        if ["and", "or"].iter().any(|word| is_word(token, word)) {
            return Err(at(
                token,
                format!("a condition is missing before {name}: write one like dst.port = 443"),
            ));
        }
        let field = Field::parse(name).map_err(|message| at(token, message))?;
        match self.operator(field)? {
            Operator::OneOf { is_list } => self.one_of(field, is_list, Test::OneOf),
            Operator::NoneOf { is_list } => {
                let found = self.one_of(field, is_list, Test::NoneOf)?;
                Ok(if matches!(found, Expression::Term(_)) { found } else { found.negated() })
            }
            Operator::Compare(comparison) => {
                let (token, text) = self.value()?;
                let number = number(field, text).map_err(|message| at(token, message))?;
                Ok(Expression::Term(Term { field, test: Test::Compare(comparison, number) }))
            }
        }
    }

    /// A comparison with values: one term by `test`, unless a value stands for two fields at once.
    fn one_of(
        &mut self,
        field: Field,
        is_list: bool,
        test: fn(Values) -> Test,
    ) -> Result<Expression, FilterError> {
        let (values, mut pairs) = self.values(field, is_list)?;
        if pairs.is_empty() {
            return Ok(Expression::Term(Term { field, test: test(values) }));
        }
        if !values.is_empty() {
            pairs.push(Expression::Term(Term { field, test: Test::OneOf(values) }));
        }
        Expression::any(pairs).ok_or_else(|| self.missing(CONDITION_MISSING))
    }

    fn operator(&mut self, field: Field) -> Result<Operator, FilterError> {
        let wanted = || {
            let others = match field {
                Field::TcpFlags => ", has",
                _ if field.is_ordered() => ", <, <=, >, >=",
                _ => "",
            };
            format!("after {field} write =, !={others}, in or not in")
        };
        let Some(token) = self.next() else { return Err(self.missing(wanted())) };
        let comparison = match &token.kind {
            Kind::Equal => return Ok(Operator::OneOf { is_list: false }),
            Kind::NotEqual => return Ok(Operator::NoneOf { is_list: false }),
            Kind::Word(_) if is_word(token, "in") => return Ok(Operator::OneOf { is_list: true }),
            Kind::Word(_) if is_word(token, "notin") => return Ok(Operator::NoneOf { is_list: true }),
            kind if *kind == Kind::Not || is_word(token, "not") => {
                return match self.next() {
                    Some(next) if is_word(next, "in") => Ok(Operator::NoneOf { is_list: true }),
                    Some(next) => Err(at(next, "after not write in and a list, like not in (80, 443)")),
                    None => Err(self.missing("after not write in and a list, like not in (80, 443)")),
                };
            }
            Kind::Below => Comparison::Below,
            Kind::AtMost => Comparison::AtMost,
            Kind::Above => Comparison::Above,
            Kind::AtLeast => Comparison::AtLeast,
            Kind::Word(_) if is_word(token, "has") => {
                return match field {
                    Field::TcpFlags => Ok(Operator::Compare(Comparison::Has)),
                    _ => Err(at(token, format!("has is for flags only, like flags has syn: {}", wanted()))),
                };
            }
            _ => return Err(at(token, wanted())),
        };
        if field.is_ordered() {
            Ok(Operator::Compare(comparison))
        } else {
            Err(at(token, format!("{field} has no order: {}", wanted())))
        }
    }

    /// The values, and the conditions of those that stand for two fields at once.
    fn values(&mut self, field: Field, is_list: bool) -> Result<(Values, Vec<Expression>), FilterError> {
        let mut values = (no_values(field), Vec::new());
        let opened = if is_list { self.peek().filter(|token| token.kind == Kind::Open) } else { None };
        if let Some(open) = opened {
            self.position += 1;
            loop {
                self.add_value(field, &mut values)?;
                match self.next() {
                    Some(token) if token.kind == Kind::Comma => {}
                    Some(token) if token.kind == Kind::Close => break,
                    Some(token) => return Err(at(token, "write a comma or a closing parenthesis here")),
                    None => return Err(at(open, "this list is never closed: write ) after its last value")),
                }
            }
        } else {
            self.add_value(field, &mut values)?;
        }
        values.0.sort();
        Ok(values)
    }

    fn add_value(
        &mut self,
        field: Field,
        (values, pairs): &mut (Values, Vec<Expression>),
    ) -> Result<(), FilterError> {
        let (token, text) = self.value()?;
        let Some(pair) = pair::of(field, text).map_err(|message| at(token, message))? else {
            let more = add(field, text, values).map_err(|message| at(token, message))?;
            return self.count(more, token);
        };
        // It stands two levels deeper when it is written out.
        self.count(MOST_OF_A_PAIR, token)?;
        if self.depth + 2 > MAX_DEPTH {
            return Err(at(
                token,
                "this stands for two fields and is nested too deep for that: write them out",
            ));
        }
        pairs.push(pair);
        Ok(())
    }

    /// The next token as a value, counted.
    fn value(&mut self) -> Result<(&'a Token, &'a str), FilterError> {
        let Some(token) = self.next() else { return Err(self.missing("a value is missing at the end")) };
        let text = match &token.kind {
            Kind::Word(text) | Kind::Quoted(text) => text,
            Kind::Open => return Err(at(token, "a list needs in before it, like port in (80, 443)")),
            _ => return Err(at(token, "write a value here")),
        };
        self.count(1, token)?;
        Ok((token, text))
    }

    fn count(&mut self, values: usize, token: &Token) -> Result<(), FilterError> {
        self.values = self.values.saturating_add(values);
        if self.values <= MAX_TERMS {
            return Ok(());
        }
        let message =
            format!("a filter compares with at most {MAX_TERMS} values: write networks or fewer values");
        Err(at(token, message))
    }
}

fn at(token: &Token, message: impl Into<String>) -> FilterError {
    FilterError::new(token.position, token.length, message)
}

fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(&token.kind, Kind::Word(word) if word.eq_ignore_ascii_case(wanted))
}

fn no_values(field: Field) -> Values {
    match field {
        Field::Address(_) | Field::Exporter => Values::Networks(Vec::new()),
        Field::Country(_) => Values::Countries(Vec::new()),
        Field::City(_) => Values::Cities(Vec::new()),
        Field::Direction => Values::Directions(Vec::new()),
        Field::Port(_)
        | Field::AsNumber(_)
        | Field::Interface(_)
        | Field::Protocol
        | Field::Bytes
        | Field::Packets
        | Field::Service
        | Field::TcpFlags
        | Field::TypeOfService
        | Field::Vlan => Values::Numbers(Vec::new()),
    }
}

/// Adds a value; answers how many it is more than one, as a name of a service may be of several ports.
fn add(field: Field, text: &str, values: &mut Values) -> Result<usize, String> {
    match values {
        Values::Networks(networks) => networks.push(text.parse()?),
        Values::Numbers(numbers) => {
            let is_port = matches!(field, Field::Port(_) | Field::Service);
            let before = numbers.len();
            if is_port {
                numbers.extend(service_ports(text).map(u64::from));
            }
            if numbers.len() == before {
                numbers.push(number(field, text)?);
            }
            return Ok(numbers.len().saturating_sub(before + 1));
        }
        Values::Cities(cities) => cities.push(text.to_owned()),
        Values::Countries(countries) if text.eq_ignore_ascii_case("unknown") => countries.push(None),
        Values::Countries(countries) => countries.push(Some(country_code::parse(text)?)),
        Values::Directions(directions) => {
            let found =
                Direction::ALL.into_iter().find(|direction| direction.name().eq_ignore_ascii_case(text));
            directions.push(found.ok_or_else(|| {
                format!("{text:?} is no direction: write inbound, outbound, internal or transit")
            })?);
        }
    }
    Ok(0)
}

fn number(field: Field, text: &str) -> Result<u64, String> {
    let number = match field {
        Field::Protocol => protocol_number(text).map(u64::from),
        Field::AsNumber(_) => {
            let is_prefixed = text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("as"));
            whole_number(if is_prefixed { text.get(2..).unwrap_or_default() } else { text })
        }
        Field::Bytes | Field::Packets => amount(text),
        Field::TcpFlags => tcp_flags::parse(text).map(u64::from),
        _ => whole_number(text),
    };
    number.filter(|number| *number <= field.largest()).ok_or_else(|| match field {
        Field::Protocol => {
            let meant = nearest(text, filter_names()).unwrap_or("tcp, udp, icmp, icmp6, gre or esp");
            format!("{text:?} is no protocol: write {meant}, or its number from 0 to 255")
        }
        Field::AsNumber(_) => format!("{text:?} is no AS number: write one like 15169 or AS15169"),
        Field::Port(_) | Field::Service => match nearest(text, service_names()) {
            Some(meant) => format!("{text:?} is no port: write {meant}, or a number from 0 to 65535"),
            None => format!("{text:?} is no port: write a number from 0 to 65535, or a name like https"),
        },
        Field::TcpFlags => {
            format!("{text:?} are no TCP flags: write them like syn+ack, SA, none or 18")
        }
        Field::Bytes | Field::Packets => {
            format!("{text:?} is no amount: write a number like 1500, 20k, 5M or 1G")
        }
        _ => format!("{text:?} is no number: write one from 0 to {}", field.largest()),
    })
}

fn whole_number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// A number with an optional decimal unit: k, M, G or T.
fn amount(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "t" => 1_000_000_000_000,
        _ => return None,
    };
    whole_number(digits)?.checked_mul(factor)
}
