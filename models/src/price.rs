//! The price table: what a million tokens cost, by model. There is none built in: prices change, and a wrong figure is
//! worse than none.

use std::collections::BTreeMap;
use std::str::FromStr;

use thiserror::Error;

/// Of a million tokens, in whatever currency the table is written in.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Price {
    pub prompt: f64,
    pub completion: f64,
}

impl Price {
    pub fn of(&self, prompt_tokens: u64, completion_tokens: u64) -> f64 {
        const MILLION: f64 = 1_000_000.0;
        (self.prompt * prompt_tokens as f64 + self.completion * completion_tokens as f64) / MILLION
    }
}

/// By `provider:model`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PriceTable(BTreeMap<String, Price>);

#[derive(Debug, Error, PartialEq, Eq)]
#[error("is '{0}', but must be provider:model, = and what a million tokens cost, read/written")]
pub struct BadPrice(String);

impl PriceTable {
    pub fn find(&self, model: &str) -> Option<Price> {
        self.0.get(model).copied()
    }
}

/// `openai:gpt-5-mini=0.25/2.00`.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceRow {
    model: String,
    price: Price,
}

impl FromIterator<PriceRow> for PriceTable {
    fn from_iter<I: IntoIterator<Item = PriceRow>>(rows: I) -> Self {
        Self(rows.into_iter().map(|row| (row.model, row.price)).collect())
    }
}

impl FromStr for PriceRow {
    type Err = BadPrice;

    fn from_str(text: &str) -> Result<Self, BadPrice> {
        parse_row(text).ok_or_else(|| BadPrice(text.to_owned()))
    }
}

fn parse_row(row: &str) -> Option<PriceRow> {
    let (model, prices) = row.rsplit_once('=')?;
    let (prompt, completion) = prices.split_once('/')?;
    let amount = |text: &str| text.trim().parse::<f64>().ok().filter(|amount| amount.is_finite() && *amount >= 0.0);
    let price = Price { prompt: amount(prompt)?, completion: amount(completion)? };
    Some(model.trim().to_owned()).filter(|model| !model.is_empty()).map(|model| PriceRow { model, price })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a table is read, models with colons in their names too, and what is no price is named.
    #[test]
    fn tables_are_read() {
        let rows = ["openai:gpt-5-mini=0.25/2.00", "ollama:llama3.2:3b = 0 / 0"];
        let table: PriceTable = rows.iter().map(|row| row.parse::<PriceRow>().unwrap()).collect();
        assert_eq!(table.find("openai:gpt-5-mini").unwrap().of(1_000_000, 500_000), 1.25);
        assert_eq!(table.find("ollama:llama3.2:3b"), Some(Price::default()));
        assert_eq!(table.find("other"), None);
        for wrong in ["gpt", "a=1", "a=1/x", "=1/2", "a=-1/2", "a=NaN/1"] {
            assert!(wrong.parse::<PriceRow>().is_err(), "{wrong}");
        }
    }
}
