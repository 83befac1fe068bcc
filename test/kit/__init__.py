"""The flow-test kit: a stage with simulated clusters, a Redis, agents, edges and clients.

A test reads like a page:

    def test_a_chat_is_answered(stage):
        sim = stage.sim(cluster("near"), cluster("far"))
        edge = stage.edge(sim)
        answer = edge.post("/v1/chat/completions", chat())
        assert answer.status_code == 200

Everything started is stopped at the end, by its process id; what it said is printed when the test failed.
"""
