//! What is wrong with a value that may have one of several forms, told at the place where it is wrong.
//!
//! A validator says of `anyOf` and `oneOf` only that no branch fits. Somebody who fills in an `Option<Struct>`, or an enum
//! with data, has meant one of them: the only one that is no `null`, the one whose tag the value has. Its mistakes are
//! theirs; those of the others would be noise.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};

use super::inputs::Violation;

/// Adds what an error says; of one about branches, what the branch that was meant says.
pub(super) fn tell(error: &ValidationError<'_>, found: &mut Vec<Violation>) {
    if let Kind::AnyOf { context } | Kind::OneOfNotValid { context } = error.kind()
        && let Some(branch) = branch_meant(error.instance_path().as_str(), context)
    {
        branch.iter().for_each(|inner| tell(inner, found));
        return;
    }
    let violation = Violation { path: error.instance_path().to_string(), message: error.masked().to_string() };
    // Branches share parts, and two of them may find the same.
    if !found.contains(&violation) {
        found.push(violation);
    }
}

type Branch = Vec<ValidationError<'static>>;

fn branch_meant<'a>(path: &str, branches: &'a [Branch]) -> Option<&'a Branch> {
    let mut left: Vec<&Branch> = branches.iter().filter(|branch| !is_null_wanted(path, branch)).collect();
    for is_other in [has_other_kind, has_other_tag, has_other_name] {
        if left.len() > 1 {
            left.retain(|branch| !is_other(path, branch));
        }
    }
    if left.len() == 1 { left.pop() } else { None }
}

fn is_null_wanted(path: &str, branch: &Branch) -> bool {
    branch.iter().any(|error| {
        error.instance_path().as_str() == path
            && match error.kind() {
                Kind::Type { kind: TypeKind::Single(kind) } => *kind == JsonType::Null,
                Kind::Constant { expected_value } => expected_value.is_null(),
                _ => false,
            }
    })
}

/// The value itself is of another kind, or another word.
fn has_other_kind(path: &str, branch: &Branch) -> bool {
    branch.iter().any(|error| {
        error.instance_path().as_str() == path
            && matches!(error.kind(), Kind::Type { .. } | Kind::Constant { .. } | Kind::Enum { .. })
    })
}

/// `{ "by": "cash" }` where this branch is `{ "by": "transfer" }`.
fn has_other_tag(path: &str, branch: &Branch) -> bool {
    branch.iter().any(|error| {
        let below = error.instance_path().as_str().strip_prefix(path).and_then(|rest| rest.strip_prefix('/'));
        below.is_some_and(|name| !name.contains('/'))
            && match error.kind() {
                Kind::Constant { .. } => true,
                Kind::Enum { options } => options.as_array().is_some_and(|options| options.len() == 1),
                _ => false,
            }
    })
}

/// `{ "cash": … }` where this branch is `{ "transfer": … }`: what it needs is missing, and what is there it does not know.
fn has_other_name(path: &str, branch: &Branch) -> bool {
    let has = |is_of: fn(&Kind) -> bool| {
        branch.iter().any(|error| error.instance_path().as_str() == path && is_of(error.kind()))
    };
    has(|kind| matches!(kind, Kind::Required { .. })) && has(|kind| matches!(kind, Kind::AdditionalProperties { .. }))
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::{Value, json};

    use super::super::inputs::check_value;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is of interest")]
    struct Order {
        address: Option<Address>,
        stops: Vec<Option<Address>>,
        payment: Option<Payment>,
        way: Option<Way>,
        either: Option<Either>,
    }

    #[derive(JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is of interest")]
    struct Address {
        street: String,
        #[schemars(regex(pattern = "^[0-9]{5}$"))]
        postcode: String,
    }

    #[derive(JsonSchema)]
    #[serde(tag = "by", rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its schema is of interest")]
    enum Payment {
        Cash,
        Transfer { account: Address },
        Card { number: u32 },
    }

    #[derive(JsonSchema)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its schema is of interest")]
    enum Way {
        Foot,
        Train { seat: u8 },
        Ship { cabin: Address },
    }

    #[derive(JsonSchema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only its schema is of interest")]
    enum Either {
        Number(u8),
        Many(Vec<u8>),
    }

    /// In the order of the alphabet.
    fn paths(part: Value) -> Vec<String> {
        let mut order = json!({ "stops": [] });
        for (name, value) in part.as_object().into_iter().flatten() {
            order[name] = value.clone();
        }
        let schema = schemars::schema_for!(Order).to_value();
        let mut paths: Vec<String> =
            check_value(&schema, &order).err().into_iter().flatten().map(|violation| violation.path).collect();
        paths.sort_unstable();
        paths
    }

    /// Goal: what is wrong inside something that may be absent, or have one of several forms, is told at its place.
    #[test]
    fn mistakes_inside_branches_are_told_where_they_are() {
        assert_eq!(paths(json!({ "address": { "street": "Rua 1", "postcode": "x" } })), ["/address/postcode"]);
        assert_eq!(
            paths(json!({ "address": { "street": 1, "postcode": "x" } })),
            ["/address/postcode", "/address/street"]
        );
        assert_eq!(paths(json!({ "stops": [null, { "street": "Rua 1", "postcode": "" }] })), ["/stops/1/postcode"]);
        let account = json!({ "street": "Rua 1", "postcode": "x" });
        assert_eq!(
            paths(json!({ "payment": { "by": "transfer", "account": account } })),
            ["/payment/account/postcode"]
        );
        assert_eq!(paths(json!({ "payment": { "by": "card", "number": "x" } })), ["/payment/number"]);
        assert_eq!(paths(json!({ "way": { "train": { "seat": 256 } } })), ["/way/train/seat"]);
        assert_eq!(paths(json!({ "way": { "ship": { "cabin": account } } })), ["/way/ship/cabin/postcode"]);
        assert_eq!(paths(json!({ "either": [1, 256] })), ["/either/1"]);
    }

    /// Goal: where nobody can tell which form was meant, it is said of the whole, once.
    #[test]
    fn what_is_none_of_them_is_told_of_the_whole() {
        assert_eq!(paths(json!({ "payment": { "by": "barter" } })), ["/payment"]);
        assert_eq!(paths(json!({ "way": { "plane": {} } })), ["/way"]);
        assert_eq!(paths(json!({ "either": "x" })), ["/either"]);
    }

    /// Goal: what may be absent and is of another kind says what kind, not that no branch fits.
    #[test]
    fn another_kind_is_told_as_such() {
        let schema = schemars::schema_for!(Order).to_value();
        let found = check_value(&schema, &json!({ "stops": [], "address": 5 })).err().unwrap_or_default();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].path.as_str(), found[0].message.contains("is not of type")), ("/address", true));
    }
}
