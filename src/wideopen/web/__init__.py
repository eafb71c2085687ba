"""`wideopen serve`: the page and the HTTP API beside it (extra `web`).

    browser -> gate.py -> Gradio: page.py, api.py -> crew.py | worker process: jobs.py -> Renderer
               refuses             controls.py       limits  |
               keeper.py removes what sessions leave behind

The process that answers requests never decodes a photo: workers do, which can be killed when one takes too long.
"""
