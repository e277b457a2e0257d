//! A flow with every kind of field: what a form that is made from a schema is tried with.

use std::collections::BTreeMap;

use caudal::prelude::*;

/// Everything that a form must be able to ask for.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FormInput {
    /// One line.
    #[schemars(length(min = 2, max = 40))]
    name: String,
    /// Several lines.
    #[serde(default)]
    #[schemars(length(max = 2_000), extend("format" = "textarea"))]
    letter: String,
    /// With limits.
    #[schemars(range(min = 1, max = 12))]
    guests: u8,
    /// A number that may have a fraction, or be left out.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    share: Option<f64>,
    /// On or off.
    #[serde(default)]
    by_post: bool,
    /// Yes, no, or nobody knows.
    #[serde(default)]
    vegetarian: Option<bool>,
    /// One of a few.
    #[serde(default)]
    size: Size,
    /// One of a few, or none.
    #[serde(default)]
    spare_size: Option<Size>,
    /// A day.
    #[serde(default)]
    #[schemars(extend("format" = "date"))]
    day: Option<String>,
    /// A moment.
    #[serde(default)]
    #[schemars(extend("format" = "date-time"))]
    moment: Option<String>,
    /// A list of texts.
    #[serde(default)]
    #[schemars(length(max = 5))]
    labels: Vec<String>,
    /// A form within the form.
    address: Address,
    /// One that may be left out.
    #[serde(default)]
    second_address: Option<Address>,
    /// A list of forms.
    #[serde(default)]
    stops: Vec<Stop>,
    /// Names and numbers.
    #[serde(default)]
    weights: BTreeMap<String, f64>,
    /// Several forms, of which one is chosen.
    #[serde(default)]
    payment: Payment,
    /// It is masked wherever it is shown.
    #[serde(default)]
    password: Option<Secret<String>>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Size {
    Small,
    #[default]
    Medium,
    Large,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Address {
    street: String,
    /// Five digits.
    #[schemars(regex(pattern = "^[0-9]{5}$"))]
    postcode: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Stop {
    place: String,
    #[serde(default)]
    nights: u8,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
enum Payment {
    #[default]
    Cash,
    /// From an account.
    Transfer {
        account: String,
    },
}

/// Returns what it was given, and shows every kind of field in its form.
#[flow(title = "Fields", diagnostics)]
async fn form_flow(ctx: &mut FlowContext, input: FormInput) -> FlowResult<FormInput> {
    ctx.log(format!("{} comes with {} guests", input.name, input.guests));
    // What is secret in the input would be shown as a result.
    Ok(FormInput { password: None, ..input })
}

#[cfg(test)]
mod tests {
    use caudal::testing::run_flow;
    use serde_json::json;

    use super::*;

    /// Goal: the least that is needed is enough.
    #[tokio::test]
    async fn little_is_needed() {
        let input = json!({ "name": "Ada", "guests": 2, "address": { "street": "Rua 1", "postcode": "12345" } });
        let task = run_flow(form_flow, input).await;
        assert_eq!(task.result::<FormInput>().guests, 2);
    }
}
