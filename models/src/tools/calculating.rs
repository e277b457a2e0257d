//! `calculator`: expressions by recursive descent, because models are poor at sums.
//!
//! ```text
//! sum     = product (("+" | "-") product)*
//! product = signed (("*" | "/" | "%") signed)*
//! signed  = "-" signed | power
//! power   = atom ("^" signed)?                        to the right: 2^3^2 is 2^9
//! atom    = number | "pi" | "e" | name "(" sum ("," sum)* ")" | "(" sum ")"
//! ```

use caudal_engine::prelude::*;
use serde_json::json;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalculatorInput {
    /// For example `(3 + 4.5) * 2^10 / sqrt(2)`. Known: + - * / % ^ ( ), pi, e, sqrt, abs, ln, log10, exp, sin, cos, tan,
    /// floor, ceil, round, min, max.
    #[schemars(length(min = 1, max = 1_000))]
    pub expression: String,
}

/// Calculates an expression. Use it for every sum that matters.
#[tool(title = "Calculate", retries = 0)]
pub async fn calculator(step: StepContext, input: CalculatorInput) -> FlowResult<f64> {
    let result = evaluate(&input.expression).map_err(FlowError::invalid_input)?;
    step.tool_result("calculator", &json!({ "expression": input.expression, "result": result }));
    Ok(result)
}

/// Deeper than this nobody writes, and the stack is finite.
const DEEPEST: usize = 100;

fn evaluate(expression: &str) -> Result<f64, String> {
    let mut parser = Parser { text: expression, at: 0, depth: 0 };
    let value = parser.sum()?;
    parser.skip_spaces();
    if parser.at < expression.len() {
        return Err(parser.problem("an operator was expected"));
    }
    if value.is_finite() { Ok(value) } else { Err("the result is not a finite number".to_owned()) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn sum(&mut self) -> Result<f64, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deeply".to_owned());
        }
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value += self.product()?;
            } else if self.take('-') {
                value -= self.product()?;
            } else {
                self.depth -= 1;
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<f64, String> {
        let mut value = self.signed()?;
        loop {
            if self.take('*') {
                value *= self.signed()?;
            } else if self.take('/') {
                value /= self.divisor()?;
            } else if self.take('%') {
                value %= self.divisor()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn divisor(&mut self) -> Result<f64, String> {
        match self.signed()? {
            0.0 => Err("it divides by zero".to_owned()),
            divisor => Ok(divisor),
        }
    }

    fn signed(&mut self) -> Result<f64, String> {
        let mut negative = false;
        while self.take('-') {
            negative = !negative;
        }
        let value = self.power()?;
        Ok(if negative { -value } else { value })
    }

    fn power(&mut self) -> Result<f64, String> {
        let base = self.atom()?;
        if !self.take('^') {
            return Ok(base);
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deeply".to_owned());
        }
        let exponent = self.signed()?;
        self.depth -= 1;
        Ok(base.powf(exponent))
    }

    fn atom(&mut self) -> Result<f64, String> {
        if self.take('(') {
            let value = self.sum()?;
            return if self.take(')') { Ok(value) } else { Err(self.problem("`)` was expected")) };
        }
        let word = self.word();
        match word.chars().next() {
            Some(first) if first.is_ascii_digit() || first == '.' => {
                word.replace('_', "").parse().map_err(|_| format!("'{word}' is no number"))
            }
            Some(_) if self.take('(') => self.call(word),
            Some(_) => match word {
                "pi" => Ok(std::f64::consts::PI),
                "e" => Ok(std::f64::consts::E),
                _ => Err(format!("'{word}' is not known")),
            },
            None => Err(self.problem("a number was expected")),
        }
    }

    fn call(&mut self, name: &str) -> Result<f64, String> {
        let mut values = vec![self.sum()?];
        while self.take(',') {
            values.push(self.sum()?);
        }
        if !self.take(')') {
            return Err(self.problem("`)` was expected"));
        }
        match (name, values.as_slice()) {
            ("sqrt", [x]) => Ok(x.sqrt()),
            ("abs", [x]) => Ok(x.abs()),
            ("ln", [x]) => Ok(x.ln()),
            ("log10", [x]) => Ok(x.log10()),
            ("exp", [x]) => Ok(x.exp()),
            ("sin", [x]) => Ok(x.sin()),
            ("cos", [x]) => Ok(x.cos()),
            ("tan", [x]) => Ok(x.tan()),
            ("floor", [x]) => Ok(x.floor()),
            ("ceil", [x]) => Ok(x.ceil()),
            ("round", [x]) => Ok(x.round()),
            ("min", values) => Ok(values.iter().copied().fold(f64::INFINITY, f64::min)),
            ("max", values) => Ok(values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
            _ => Err(format!("there is no {name} of {} values", values.len())),
        }
    }

    /// Letters and digits from here, and a sign after the `e` of `1e-5`.
    fn word(&mut self) -> &'a str {
        self.skip_spaces();
        let rest = &self.text[self.at..];
        let number = rest.starts_with(|first: char| first.is_ascii_digit() || first == '.');
        let mut before = ' ';
        let end = rest.find(|letter: char| {
            let sign = number && matches!(letter, '+' | '-') && matches!(before, 'e' | 'E');
            before = letter;
            !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_') || sign)
        });
        let word = &rest[..end.unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip_spaces();
        let found = self.text[self.at..].starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn skip_spaces(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn problem(&self, what: &str) -> String {
        format!("{what} at character {}", self.text[..self.at].chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: sums come out as on paper.
    #[test]
    fn sums() {
        for (expression, result) in [
            ("1 + 2 * 3", 7.0),
            ("(1 + 2) * 3", 9.0),
            ("2^3^2", 512.0),
            ("-2^2", -4.0),
            ("2^-1", 0.5),
            ("--3", 3.0),
            ("10 % 4", 2.0),
            ("1e3 + 1.5e-1 - .5", 999.65),
            ("1_000 * 2", 2_000.0),
            ("max(1, sqrt(16), 3) + min(2)", 6.0),
            ("2 * pi / pi", 2.0),
        ] {
            assert!((evaluate(expression).unwrap() - result).abs() < 1e-9, "{expression}");
        }
    }

    /// Goal: what is no sum is refused in words, and nothing that is written takes the process down.
    #[test]
    fn no_sums() {
        let deep = "(".repeat(100_000);
        let tower = "2^".repeat(100_000);
        for expression in
            ["", "1 +", "1 2", "(1", "1/0", "5 % 0", "x", "f(1)", "sqrt()", "1..2", "9^9^9", "é", &deep, &tower]
        {
            assert!(evaluate(expression).is_err(), "{expression:.20}");
        }
    }
}
