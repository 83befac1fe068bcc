"""Bodies of OpenAI requests, as small as they can be."""

MODEL = "qwen3-32b"


def chat(text="hello", stream=False, max_tokens=8, model=MODEL, **more):
    body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": max_tokens, **more}
    if stream:
        body["stream"] = True
    return body


def completion(prompt="hello", max_tokens=8, model=MODEL, **more):
    return {"model": model, "prompt": prompt, "max_tokens": max_tokens, **more}


def embedding(text="hello", model=MODEL):
    return {"model": model, "input": text}
