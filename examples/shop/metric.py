from langgraph_gepa import Feedback


def score(outputs, reference_outputs):
    reply, wrong = outputs["reply"], {}
    fact, rule = reference_outputs["fact"], reference_outputs["rule"]
    if fact not in reply:
        wrong["research"] = f"The notes lack {fact!r}. Rule: {rule}"
    if "Kind regards" not in reply:
        wrong["writer"] = "It has no closing. Rule: Always: close with Kind regards."
    return Feedback(1 - len(wrong) / 2, by_module=wrong)
