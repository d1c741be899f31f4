//! From the text of a label selector to its requirements, with the messages of a real API server.

use std::iter::Peekable;

use super::InvalidSelector;
use super::label::{Operator, Requirement};

/// All requirements of a selector in its text form.
pub(super) fn requirements(text: &str) -> Result<Vec<Requirement>, InvalidSelector> {
    Parser {
        tokens: lex(text).into_iter().peekable(),
    }
    .selector()
}

/// One of `= == != ! ( ) , < >`, or a word.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    Symbol(&'a str),
    Word(&'a str),
}

impl<'a> Token<'a> {
    fn text(self) -> &'a str {
        match self {
            Self::Symbol(text) | Self::Word(text) => text,
        }
    }
}

fn lex(text: &str) -> Vec<Token<'_>> {
    let special = |c: char| "=!(),<>".contains(c);
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if special(first) {
            let length = if rest.starts_with("==") || rest.starts_with("!=") {
                2
            } else {
                1
            };
            (Token::Symbol(&rest[..length]), length)
        } else {
            let length = rest
                .find(|c: char| special(c) || c.is_whitespace())
                .unwrap_or(rest.len());
            (Token::Word(&rest[..length]), length)
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    tokens
}

struct Parser<'a, I: Iterator<Item = Token<'a>>> {
    tokens: Peekable<I>,
}

impl<'a, I: Iterator<Item = Token<'a>>> Parser<'a, I> {
    fn selector(mut self) -> Result<Vec<Requirement>, InvalidSelector> {
        let mut requirements = Vec::new();
        if self.tokens.peek().is_none() {
            return Ok(requirements);
        }
        loop {
            match self.tokens.peek() {
                Some(Token::Word(_) | Token::Symbol("!")) => {}
                other if requirements.is_empty() => {
                    return Err(found(
                        other.copied(),
                        ", expected: !, identifier, or 'end of string'",
                    ));
                }
                other => return Err(found(other.copied(), ", expected: identifier after ','")),
            }
            let requirement = self.requirement().and_then(Requirement::checked);
            let requirement = requirement
                .map_err(|why| InvalidSelector(format!("unable to parse requirement: {why}")))?;
            requirements.push(requirement);
            match self.tokens.next() {
                None => return Ok(requirements),
                Some(Token::Symbol(",")) => {}
                other => return Err(found(other, ", expected: ',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, InvalidSelector> {
        if self.tokens.next_if_eq(&Token::Symbol("!")).is_some() {
            let key = self.word()?;
            return Ok(Requirement {
                key,
                operator: Operator::DoesNotExist,
                values: Vec::new(),
            });
        }
        let key = self.word()?;
        let operator = match self.tokens.peek() {
            None | Some(Token::Symbol(",")) => {
                return Ok(Requirement {
                    key,
                    operator: Operator::Exists,
                    values: Vec::new(),
                });
            }
            Some(Token::Symbol("=" | "==")) => Operator::Equals,
            Some(Token::Symbol("!=")) => Operator::NotEquals,
            Some(Token::Symbol(">")) => Operator::GreaterThan,
            Some(Token::Symbol("<")) => Operator::LessThan,
            Some(Token::Word("in")) => Operator::In,
            Some(Token::Word("notin")) => Operator::NotIn,
            other => {
                return Err(found(
                    other.copied(),
                    ", expected: in, notin, =, ==, !=, gt, lt",
                ));
            }
        };
        self.tokens.next();
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => vec![self.exact_value()?],
        };
        Ok(Requirement {
            key,
            operator,
            values,
        })
    }

    fn word(&mut self) -> Result<String, InvalidSelector> {
        match self.tokens.next() {
            Some(Token::Word(word)) => Ok(word.to_owned()),
            other => Err(found(other, ", expected: identifier")),
        }
    }

    /// What follows `=`: a word, or nothing at all.
    fn exact_value(&mut self) -> Result<String, InvalidSelector> {
        match self.tokens.peek() {
            None | Some(Token::Symbol(",")) => Ok(String::new()),
            _ => self.word(),
        }
    }

    /// `(a,b,)`: words with commas between them; an empty place is the empty text.
    fn values(&mut self) -> Result<Vec<String>, InvalidSelector> {
        match self.tokens.next() {
            Some(Token::Symbol("(")) => {}
            other => return Err(found(other, " expected: '('")),
        }
        let mut values = Vec::new();
        loop {
            match self.tokens.next() {
                Some(Token::Word(word)) => {
                    values.push(word.to_owned());
                    match self.tokens.next() {
                        Some(Token::Symbol(",")) => {}
                        Some(Token::Symbol(")")) => return Ok(values),
                        other => return Err(found(other, ", expected: ',' or ')'")),
                    }
                }
                Some(Token::Symbol(",")) => values.push(String::new()),
                Some(Token::Symbol(")")) if values.is_empty() => return Ok(values),
                Some(Token::Symbol(")")) => {
                    values.push(String::new());
                    return Ok(values);
                }
                other => return Err(found(other, ", expected: ',', ')' or identifier")),
            }
        }
    }
}

fn found(token: Option<Token<'_>>, expected: &str) -> InvalidSelector {
    InvalidSelector(format!(
        "found '{}'{expected}",
        token.map_or("", Token::text)
    ))
}
