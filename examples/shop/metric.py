from langgraph_gepa import Feedback


def score(outputs, reference_outputs):
    reply, wrong = outputs["reply"], {}
    missing = [fact for fact in reference_outputs["facts"] if fact not in reply]
    if missing:
        wrong["research"] = f"The notes lack {missing}. Rule: {reference_outputs['rule']}"
    if "Kind regards" not in reply:
        wrong["writer"] = "The reply has no closing. Rule: Always: close with Kind regards."
    return Feedback(1 - len(wrong) / 2, by_module=wrong)
