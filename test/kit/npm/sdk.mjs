// What test/flow/test_openai_sdk.py asks of the unmodified SDK: one case a run, one JSON object printed.
import OpenAI from "openai";

const [name, text] = process.argv.slice(2);
const given = JSON.parse(text);
const client = new OpenAI({ baseURL: given.base, apiKey: "test-key", maxRetries: 0 });
const messages = [{ role: "user", content: "hello" }];
const body = { model: "qwen3-32b", messages, max_tokens: 8 };
const endless = { model: "slow-model", messages, max_tokens: 400, stream: true };

async function error(call) {
  try {
    await call();
  } catch (e) {
    return { name: e.constructor.name, status: e.status, code: e.code, type: e.type, message: e.message, request_id: e.requestID };
  }
  return { name: "none" };
}

const cases = {
  async chat() {
    const answer = await client.chat.completions.create(body);
    return { ...answer.choices[0].message, ...answer.usage, request_id: answer._request_id };
  },

  async streaming() {
    const said = { chunks: 0 };
    const stream = await client.chat.completions.create({ ...body, stream: true, stream_options: { include_usage: true } });
    for await (const chunk of stream) {
      said.chunks += 1;
      said.finish_reason = chunk.choices[0]?.finish_reason ?? said.finish_reason;
      said.usage = chunk.usage ?? said.usage;
    }
    return said;
  },

  async embeddings() {
    const answer = await client.embeddings.create({ model: "qwen3-32b", input: ["one", "two"], encoding_format: "float" });
    return { count: answer.data.length, dimensions: answer.data[0].embedding.length };
  },

  async models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    return { ids };
  },

  unknown_model: () => error(() => client.chat.completions.create({ ...body, model: "no-such-model" })),
  no_model: () => error(() => client.chat.completions.create({ messages, max_tokens: 8 })),
  unknown_path: () => error(() => client.get("/../elsewhere")),

  async retries() {
    // The cluster comes back as soon as the SDK was refused once.
    let refused = 0;
    const retry_after = [];
    const watching = async (url, init) => {
      const answer = await fetch(url, init);
      if (answer.status === 503 || answer.status === 502) {
        refused += 1;
        retry_after.push(answer.headers.get("retry-after"));
        await fetch(`${given.control}/sim/${given.cluster}/fault`, { method: "POST", body: JSON.stringify({ fault: "clear" }),
          headers: { "content-type": "application/json" } });
      }
      return answer;
    };
    const patient = new OpenAI({ baseURL: given.base, apiKey: "test-key", maxRetries: 5, fetch: watching });
    const answer = await patient.chat.completions.create(body);
    return { content: answer.choices[0].message.content, refused, retry_after };
  },

  async abort() {
    const controller = new AbortController();
    const { data: stream, request_id } = await client.chat.completions.create(endless, { signal: controller.signal }).withResponse();
    let chunks = 0;
    try {
      for await (const _ of stream) if (++chunks === 2) controller.abort();
    } catch (e) {
      if (!(e instanceof OpenAI.APIUserAbortError)) throw e;
    }
    return { aborted: controller.signal.aborted, chunks, request_id };
  },

  async break_out() {
    const { data: stream, request_id } = await client.chat.completions.create(endless).withResponse();
    for await (const _ of stream) break;
    return { request_id };
  },

  async cut() {
    let chunks = 0;
    try {
      for await (const _ of await client.chat.completions.create(endless)) chunks += 1;
    } catch (e) {
      return { chunks, raised: e.message };
    }
    return { chunks, raised: "" };
  },
};

process.stdout.write(JSON.stringify(await cases[name]()));
