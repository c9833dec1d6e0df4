//! Steps into JSON: `value -> 'name'`, `value -> 0`, `value ->> 'name'`, as in DuckDB and PostgreSQL.
//!
//! Of a text, which is what a column of mixed types is, `->` gives the JSON text at the step and `->>` what it means
//! (`json_extract`, `json_extract_string`). Of a struct, a list or a map the step is the field, element or value itself.

#![allow(clippy::wildcard_enum_match_arm, reason = "operators and types are foreign and many")]

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use bobbin_parse::json::{Step, get, text_of};
use datafusion::common::types::{logical_int64, logical_string};
use datafusion::common::{DFSchema, Result, ScalarValue, exec_datafusion_err};
use datafusion::functions::core::get_field;
use datafusion::functions_nested::extract::array_element_udf;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    Coercion, ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, TypeSignatureClass, Volatility, lit,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

/// The functions behind the arrows.
pub(super) fn all() -> impl Iterator<Item = ScalarUDF> {
    [Extract::new(false), Extract::new(true)].into_iter().map(ScalarUDF::from)
}

/// Makes function calls of arrows.
#[derive(Debug)]
pub(crate) struct Arrows;

impl ExprPlanner for Arrows {
    fn plan_binary_op(&self, arrow: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let as_text = match arrow.op {
            BinaryOperator::Arrow => false,
            BinaryOperator::LongArrow => true,
            _ => return Ok(PlannerResult::Original(arrow)),
        };
        let RawBinaryExpr { left, right, .. } = arrow;
        let step = match left.get_type(schema)? {
            DataType::Struct(_) | DataType::Map(..) => get_field().call(vec![left, right]),
            // Elements are counted from 1 in brackets, and from 0 behind arrows.
            DataType::List(_) => array_element_udf().call(vec![left, from_one(right)]),
            _ => return Ok(PlannerResult::Planned(ScalarUDF::from(Extract::new(as_text)).call(vec![left, right]))),
        };
        let step = if as_text { datafusion::logical_expr::cast(step, DataType::Utf8) } else { step };
        Ok(PlannerResult::Planned(step))
    }
}

fn from_one(number: Expr) -> Expr {
    match number {
        Expr::Literal(ScalarValue::Int64(Some(number)), _) if number >= 0 => lit(number + 1),
        other => other,
    }
}

/// `json_extract(text, step)` and `json_extract_string(text, step)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Extract {
    as_text: bool,
    signature: Signature,
}

impl Extract {
    fn new(as_text: bool) -> Self {
        let text = || Coercion::new_exact(TypeSignatureClass::Native(logical_string()));
        let number = Coercion::new_implicit(
            TypeSignatureClass::Native(logical_int64()),
            vec![TypeSignatureClass::Integer],
            datafusion::common::types::NativeType::Int64,
        );
        let signatures =
            vec![TypeSignature::Coercible(vec![text(), text()]), TypeSignature::Coercible(vec![text(), number])];
        Self { as_text, signature: Signature::one_of(signatures, Volatility::Immutable) }
    }

    /// The value at a step into a text.
    fn step<'a>(&self, text: &'a str, step: Step<'_>) -> Option<Cow<'a, str>> {
        let value = get(text, step)?;
        if self.as_text { text_of(value) } else { Some(Cow::Borrowed(value)) }
    }
}

impl ScalarUDFImpl for Extract {
    fn name(&self) -> &str {
        if self.as_text { "json_extract_string" } else { "json_extract" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { args.number_rows };
        let [texts, steps] = args.args.as_slice() else {
            return Err(exec_datafusion_err!("{} takes a text and a step into it", self.name()));
        };
        let texts = cast(&texts.to_array(rows)?, &DataType::Utf8View)?;
        let texts = texts.as_string_view();
        let steps = steps.to_array(rows)?;
        let mut values = StringBuilder::new();
        if let Some(numbers) = steps.as_primitive_opt::<Int64Type>() {
            for row in 0..rows {
                let is_there = texts.is_valid(row) && numbers.is_valid(row);
                let step = || self.step(texts.value(row), Step::Element(numbers.value(row)));
                values.append_option(is_there.then(step).flatten());
            }
        } else {
            let names = cast(&steps, &DataType::Utf8View)?;
            let names = names.as_string_view();
            for row in 0..rows {
                let is_there = texts.is_valid(row) && names.is_valid(row);
                let step = || self.step(texts.value(row), Step::Member(names.value(row)));
                values.append_option(is_there.then(step).flatten());
            }
        }
        let values: ArrayRef = Arc::new(values.finish());
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?));
        }
        Ok(ColumnarValue::Array(values))
    }
}
