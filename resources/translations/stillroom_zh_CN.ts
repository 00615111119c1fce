<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>AdapterList</name>
    <message>
        <source>Add an adapter…</source>
        <translation>添加适配器…</translation>
    </message>
    <message>
        <source>Choose a LoRA adapter</source>
        <translation>选择 LoRA 适配器</translation>
    </message>
    <message>
        <source>Adapters (*.gguf)</source>
        <translation>适配器 (*.gguf)</translation>
    </message>
    <message>
        <source>Strength of {name}</source>
        <translation>{name} 的强度</translation>
    </message>
    <message>
        <source>1 is its full effect, 0 is none.</source>
        <translation>1 为完全生效，0 为不起作用。</translation>
    </message>
    <message>
        <source>Remove {name}</source>
        <translation>移除 {name}</translation>
    </message>
</context>
<context>
    <name>AddModelCard</name>
    <message>
        <source>Hugging Face id or address, such as owner/name</source>
        <translation>Hugging Face ID 或网址，例如 owner/name</translation>
    </message>
    <message>
        <source>Hugging Face id or address</source>
        <translation>Hugging Face ID 或网址</translation>
    </message>
    <message>
        <source>Size to make (quantisation)</source>
        <translation>要制作的大小（量化类型）</translation>
    </message>
    <message>
        <source>How small the model is made (its quantisation): a smaller one is faster and needs less memory, and answers a little worse. A ready GGUF file stays as it is.</source>
        <translation>把模型做得多小（量化类型）：越小越快、占用内存越少，回答略差。现成的 GGUF 文件保持原样。</translation>
    </message>
    <message>
        <source>Get</source>
        <translation>获取</translation>
    </message>
    <message>
        <source>Open a GGUF file…</source>
        <translation>打开 GGUF 文件…</translation>
    </message>
    <message>
        <source>Add a folder…</source>
        <translation>添加文件夹…</translation>
    </message>
    <message>
        <source>Every GGUF file in it, or the models of Ollama or LM Studio; nothing is copied</source>
        <translation>其中的所有 GGUF 文件，或 Ollama、LM Studio 的模型；不会复制任何文件</translation>
    </message>
    <message>
        <source>import models from this computer</source>
        <translation>从本机导入模型</translation>
    </message>
    <message>
        <source>ANOTHER MODEL</source>
        <translation>其他模型</translation>
    </message>
    <message>
        <source>Of original Llama, Qwen2 and Qwen3 models (.safetensors) a model for this PC is made; ready GGUF files are taken as they are.</source>
        <translation>对于 Llama、Qwen2 和 Qwen3 的原始模型（.safetensors），会为本机制作相应的模型；现成的 GGUF 文件则直接使用。</translation>
    </message>
    <message>
        <source>Models that are on this PC already, Ollama&apos;s and LM Studio&apos;s too, stay where they are. Files and folders can also be dropped here.</source>
        <translation>本机已有的模型（包括 Ollama 和 LM Studio 的）留在原处。也可以把文件和文件夹拖到这里。</translation>
    </message>
    <message>
        <source>Asking the server…</source>
        <translation>正在查询服务器…</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Type an id or an address first</source>
        <translation>请先输入 ID 或网址</translation>
    </message>
    <message>
        <source>Open a GGUF file</source>
        <translation>打开 GGUF 文件</translation>
    </message>
    <message>
        <source>GGUF models (*.gguf)</source>
        <translation>GGUF 模型 (*.gguf)</translation>
    </message>
    <message>
        <source>Add a folder</source>
        <translation>添加文件夹</translation>
    </message>
</context>
<context>
    <name>ApiClients</name>
    <message>
        <source>Program</source>
        <translation>程序</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>地址</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>请求</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>词元</translation>
    </message>
    <message>
        <source>Last seen</source>
        <translation>最近一次</translation>
    </message>
    <message>
        <source>without a name</source>
        <translation>未命名</translation>
    </message>
    <message>
        <source>being answered</source>
        <translation>正在回答</translation>
    </message>
    <message>
        <source>{seconds} s ago</source>
        <translation>{seconds} 秒前</translation>
    </message>
    <message>
        <source>{minutes} min ago</source>
        <translation>{minutes} 分钟前</translation>
    </message>
</context>
<context>
    <name>AttachmentChips</name>
    <message>
        <source>{name} · being read…</source>
        <translation>{name} · 正在读取…</translation>
    </message>
    <message>
        <source>Open {name}</source>
        <translation>打开 {name}</translation>
    </message>
    <message>
        <source>{name} · {tokens} tokens</source>
        <translation>{name} · {tokens} 个词元</translation>
    </message>
    <message>
        <source>Remove {name}</source>
        <translation>移除 {name}</translation>
    </message>
</context>
<context>
    <name>AuditDialog</name>
    <message>
        <source>Audit log</source>
        <translation>审计日志</translation>
    </message>
    <message>
        <source>Lines of the audit log</source>
        <translation>审计日志的各行</translation>
    </message>
    <message>
        <source>The whole line</source>
        <translation>完整的一行</translation>
    </message>
    <message>
        <source>Select a line to see all that it holds.</source>
        <translation>选择一行即可查看其全部内容。</translation>
    </message>
    <message>
        <source>Keep an audit log of requests and replies</source>
        <translation>为请求和回答保留审计日志</translation>
    </message>
    <message>
        <source>Largest size of the log</source>
        <translation>日志的最大大小</translation>
    </message>
    <message>
        <source>At most</source>
        <translation>最多</translation>
    </message>
    <message>
        <source>Also keep the texts of questions and replies</source>
        <translation>同时保留提问和回答的文字</translation>
    </message>
    <message>
        <source>Beyond this size the oldest lines are removed. Takes effect at the next start.</source>
        <translation>超过此大小时会移除最早的行。下次启动时生效。</translation>
    </message>
    <message>
        <source>Each line says when and from where something was asked, of which model and with which settings, how long the texts were and what the input filter found. A checksum (hash) of the line before shows whether lines were changed or removed later. The log stays on this computer. To notice even a log that was replaced as a whole, note the last hash somewhere else.</source>
        <translation>每一行记录提问的时间和来源、所用的模型和设置、文字的长度以及输入过滤器的发现。上一行的校验值（哈希）可以表明之后是否有行被更改或移除。日志只保存在本机。若想发现整份日志被替换的情况，请把最后的哈希值另记一处。</translation>
    </message>
    <message>
        <source>Refresh</source>
        <translation>刷新</translation>
    </message>
    <message>
        <source>Verify</source>
        <translation>校验</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Search in the lines</source>
        <translation>在各行中搜索</translation>
    </message>
    <message>
        <source>The log is empty.</source>
        <translation>日志为空。</translation>
    </message>
    <message>
        <source>No log is kept. Switch it on above; it begins with the next request.</source>
        <translation>未保留日志。请在上方开启；从下一个请求开始记录。</translation>
    </message>
    <message>
        <source>These are the newest {count} lines; “stillroom audit show --search” searches all.</source>
        <translation>这是最新的 {count} 行；“stillroom audit show --search”可搜索全部。</translation>
    </message>
    <message>
        <source>{count} more characters; “stillroom audit show --json” shows them, too.</source>
        <translation>还有 {count} 个字符；“stillroom audit show --json”会一并显示。</translation>
    </message>
    <message>
        <source>Reading the whole log…</source>
        <translation>正在读取整份日志…</translation>
    </message>
    <message>
        <source>The log cannot be read: {reason}.</source>
        <translation>无法读取日志：{reason}。</translation>
    </message>
    <message>
        <source>The log was changed after it was written:</source>
        <translation>日志在写入之后被更改过：</translation>
    </message>
    <message>
        <source>Lines {first} to {last} are complete and unchanged.</source>
        <translation>第 {first} 至 {last} 行完整且未被更改。</translation>
    </message>
    <message>
        <source>and {count} more; “stillroom audit verify” lists all.</source>
        <translation>另有 {count} 处；“stillroom audit verify”会全部列出。</translation>
    </message>
    <message>
        <source>There is no log yet.</source>
        <translation>还没有日志。</translation>
    </message>
    <message>
        <source>Hash of the last line: {hash}</source>
        <translation>最后一行的哈希值：{hash}</translation>
    </message>
</context>
<context>
    <name>AuditLines</name>
    <message>
        <source>Line</source>
        <translation>行</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>种类</translation>
    </message>
    <message>
        <source>Source</source>
        <translation>来源</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>词元</translation>
    </message>
    <message>
        <source>Seconds</source>
        <translation>秒</translation>
    </message>
    <message>
        <source>Outcome</source>
        <translation>结果</translation>
    </message>
    <message>
        <source>Request</source>
        <translation>请求</translation>
    </message>
    <message>
        <source>Reply</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>Oldest lines removed</source>
        <translation>最早的行已移除</translation>
    </message>
    <message>
        <source>Repaired after a crash</source>
        <translation>崩溃后已修复</translation>
    </message>
    <message>
        <source>Damage found</source>
        <translation>发现损坏</translation>
    </message>
    <message>
        <source>Lines lost</source>
        <translation>有行丢失</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>聊天</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>代码</translation>
    </message>
    <message>
        <source>API</source>
        <translation>API</translation>
    </message>
    <message>
        <source>Command line</source>
        <translation>命令行</translation>
    </message>
</context>
<context>
    <name>BenchmarkPlots</name>
    <message>
        <source>tok/s</source>
        <translation>词元/秒</translation>
    </message>
    <message>
        <source>tokens in the context before</source>
        <translation>上下文中已有的词元</translation>
    </message>
    <message>
        <source>prompt tokens</source>
        <translation>提示词的词元数</translation>
    </message>
    <message>
        <source>replies at once</source>
        <translation>同时进行的回答</translation>
    </message>
    <message>
        <source>tok/s together</source>
        <translation>合计词元/秒</translation>
    </message>
    <message>
        <source>operations for each byte read</source>
        <translation>每读取一字节的运算次数</translation>
    </message>
    <message>
        <source>operations a second</source>
        <translation>每秒运算次数</translation>
    </message>
    <message>
        <source>size, GB</source>
        <translation>大小，GB</translation>
    </message>
    <message>
        <source>Generation speed over context</source>
        <translation>生成速度与上下文长度</translation>
    </message>
    <message>
        <source>Bars show the standard deviation</source>
        <translation>误差线为标准差</translation>
    </message>
    <message>
        <source>Together {gain} times as fast as one reply alone; bars show the standard deviation</source>
        <translation>合计为单个回答的 {gain} 倍；误差线为标准差</translation>
    </message>
    <message>
        <source>All runs of this model file; bars show the standard deviation</source>
        <translation>此模型文件的所有运行；误差线为标准差</translation>
    </message>
    <message>
        <source>How near the limit</source>
        <translation>距离极限有多近</translation>
    </message>
    <message>
        <source>growth of the perplexity, %</source>
        <translation>困惑度增幅，%</translation>
    </message>
    <message>
        <source>How close each size is to the original</source>
        <translation>各尺寸与原始模型的接近程度</translation>
    </message>
    <message>
        <source>By how much more a text surprises it than the original, measured on this computer: lower is better. Beside it the speed of replies</source>
        <translation>与原始模型相比，一段文本让它多“意外”多少，在本机测得：越低越好。旁边是回答的速度</translation>
    </message>
    <message>
        <source>Dotted: what memory (slope) and processor (level) allow, measured on this computer</source>
        <translation>点线：内存（斜线）和处理器（水平线）允许的速度，在本机测得</translation>
    </message>
    <message>
        <source>Several replies at once</source>
        <translation>同时进行多个回答</translation>
    </message>
    <message>
        <source>Prompt speed over length</source>
        <translation>提示词处理速度与长度</translation>
    </message>
    <message>
        <source>Speed and size of your models</source>
        <translation>你的模型的速度和大小</translation>
    </message>
    <message>
        <source>The newest run of each model file</source>
        <translation>每个模型文件最近一次的运行</translation>
    </message>
    <message>
        <source>now · last run (dashed) · what this computer allows (dotted)</source>
        <translation>本次 · 上次（短划线）· 本机的极限（点线）</translation>
    </message>
    <message>
        <source>now · last run (dashed)</source>
        <translation>本次 · 上次（短划线）</translation>
    </message>
    <message>
        <source>now · what this computer allows (dotted)</source>
        <translation>本次 · 本机的极限（点线）</translation>
    </message>
    <message>
        <source>{type} · {rate} tok/s</source>
        <translation>{type} · {rate} 词元/秒</translation>
    </message>
</context>
<context>
    <name>BenchmarkRunsModel</name>
    <message>
        <source>When</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Generation, tok/s</source>
        <translation>生成，词元/秒</translation>
    </message>
    <message>
        <source>Prompt, tok/s</source>
        <translation>提示词，词元/秒</translation>
    </message>
    <message>
        <source>First token</source>
        <translation>首个词元</translation>
    </message>
    <message>
        <source>Memory, GB</source>
        <translation>内存，GB</translation>
    </message>
    <message>
        <source>Back end</source>
        <translation>后端</translation>
    </message>
    <message>
        <source>Notes</source>
        <translation>备注</translation>
    </message>
    <message>
        <source>disturbed</source>
        <translation>受干扰</translation>
    </message>
</context>
<context>
    <name>BenchmarkSpeedPage</name>
    <message>
        <source>Progress of the benchmark</source>
        <translation>基准测试进度</translation>
    </message>
    <message>
        <source>Chats wait until the benchmark ends. Leave the computer alone meanwhile: what else it does is noticed and marked.</source>
        <translation>基准测试结束前聊天需要等待。在此期间请不要使用电脑：其他程序造成的干扰会被发现并标记。</translation>
    </message>
    <message>
        <source>The speed has been measured.</source>
        <translation>速度已测量完毕。</translation>
    </message>
    <message>
        <source>The run was stopped before its end. What it had measured is not kept.</source>
        <translation>测试未完成即停止。已测得的结果不会保留。</translation>
    </message>
    <message>
        <source>Choose a model at the top and run the benchmark. Stillroom measures how fast it reads and writes in short and in long chats, how evenly its words come, what is gained by several replies at once, how much memory and energy it needs, and how near that comes to what this computer can do.</source>
        <translation>请在窗口顶部选择模型，然后运行基准测试。Stillroom 会测量它在短聊天和长聊天中读写的速度、文字到来是否均匀、同时进行多个回答能提高多少、需要多少内存和能量，以及距离本机的极限有多近。</translation>
    </message>
    <message>
        <source>Benchmark: {step}</source>
        <translation>基准测试：{step}</translation>
    </message>
    <message>
        <source>A run was stopped before its end. Results of it that are kept: {count}. Go on measures what is missing.</source>
        <translation>上次测试未完成即停止。已保留 {count} 个结果。按“继续”会测量其余部分。</translation>
    </message>
    <message>
        <source>{machine} · run-to-run noise {percent}%</source>
        <translation>{machine} · 各次运行之间的波动 {percent}%</translation>
    </message>
    <message>
        <source>Deleted: {count} benchmark runs.</source>
        <translation>已删除 {count} 次基准测试运行。</translation>
    </message>
    <message>
        <source>The benchmark run is deleted.</source>
        <translation>已删除该次基准测试运行。</translation>
    </message>
    <message>
        <source>Imported benchmark runs: {count}.</source>
        <translation>已导入 {count} 次基准测试运行。</translation>
    </message>
    <message>
        <source>Nothing measured yet</source>
        <translation>还没有测量结果</translation>
    </message>
</context>
<context>
    <name>BenchmarkTab</name>
    <message>
        <source>Speed</source>
        <translation>速度</translation>
    </message>
</context>
<context>
    <name>BlockRow</name>
    <message>
        <source>Checking the syntax…</source>
        <translation>正在检查语法…</translation>
    </message>
    <message>
        <source>Show changes</source>
        <translation>显示更改</translation>
    </message>
    <message>
        <source>Insert</source>
        <translation>插入</translation>
    </message>
    <message>
        <source>Show as changes in the text</source>
        <translation>以文本中的更改显示</translation>
    </message>
    <message>
        <source>Show as an insertion at the cursor</source>
        <translation>在光标处作为插入显示</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>运行</translation>
    </message>
    <message>
        <source>Run this code in the sandbox, with the tests if there are any</source>
        <translation>在沙盒中运行此代码；如有测试则一并运行</translation>
    </message>
    <message>
        <source>Use as tests</source>
        <translation>用作测试</translation>
    </message>
    <message>
        <source>Put this into the Tests page</source>
        <translation>放入“测试”页</translation>
    </message>
    <message>
        <source>✓ valid {rules}</source>
        <translation>✓ 符合 {rules}</translation>
    </message>
    <message>
        <source>Checked without running it.</source>
        <translation>仅检查，未运行。</translation>
    </message>
</context>
<context>
    <name>BuildChoices</name>
    <message>
        <source>Otherwise they go when the types are made, and each further type downloads them again. Measuring what a type costs needs them too.</source>
        <translation>否则制作完这些类型后会将其删除，每制作一种新类型都要重新下载。测量某种类型的损失也需要它们。</translation>
    </message>
    <message>
        <source>Read a text with the model first, which makes small types more accurate</source>
        <translation>先让模型阅读一段文本，使小类型更准确</translation>
    </message>
    <message>
        <source>Keep the original weights for further types and for measuring ({size})</source>
        <translation>保留原始权重，供制作其他类型和测量使用（{size}）</translation>
    </message>
    <message>
        <source>Only types of four bits and less gain by it</source>
        <translation>只有四位及以下的类型能从中受益</translation>
    </message>
    <message>
        <source>An importance matrix for {types}: some minutes to hours, and kept for further types.</source>
        <translation>为 {types} 收集重要性矩阵：需要几分钟到几小时，并保留供其他类型使用。</translation>
    </message>
</context>
<context>
    <name>CardFields</name>
    <message>
        <source>{card} (not there)</source>
        <translation>{card}（不在）</translation>
    </message>
    <message>
        <source>one of them</source>
        <translation>其中一块</translation>
    </message>
    <message>
        <source>all of them</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>only {card}</source>
        <translation>仅 {card}</translation>
    </message>
</context>
<context>
    <name>ChangeSetBar</name>
    <message>
        <source>Accept all files</source>
        <translation>接受全部文件</translation>
    </message>
    <message>
        <source>Accept what waits in every file</source>
        <translation>接受每个文件中待处理的更改</translation>
    </message>
    <message>
        <source>Reject all files</source>
        <translation>拒绝全部文件</translation>
    </message>
    <message>
        <source>Reject what waits in every file</source>
        <translation>拒绝每个文件中待处理的更改</translation>
    </message>
    <message>
        <source>Next file</source>
        <translation>下一个文件</translation>
    </message>
    <message>
        <source>Go to the next file that waits</source>
        <translation>转到下一个待处理的文件</translation>
    </message>
    <message>
        <source>Undo all</source>
        <translation>全部撤销</translation>
    </message>
    <message>
        <source>Take back what was accepted, in every file</source>
        <translation>撤回每个文件中已接受的更改</translation>
    </message>
    <message>
        <source>Save all</source>
        <translation>全部保存</translation>
    </message>
    <message>
        <source>Save the files that were changed</source>
        <translation>保存已更改的文件</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Changes in {files} files, {waiting} to decide.</source>
        <translation>{files} 个文件有改动，{waiting} 个待定。</translation>
    </message>
    <message>
        <source>Changes in {files} files, {waiting} to decide. Not shown: {missing}.</source>
        <translation>{files} 个文件有改动，{waiting} 个待定。未显示：{missing}。</translation>
    </message>
    <message>
        <source>{changed} of {files} files were changed.</source>
        <translation>{files} 个文件中已改动 {changed} 个。</translation>
    </message>
    <message>
        <source>{changed} of {files} files were changed. Edited since, so not taken back: {kept}.</source>
        <translation>{files} 个文件中已改动 {changed} 个。之后又编辑过，因此未撤回：{kept}。</translation>
    </message>
</context>
<context>
    <name>ChangeSets</name>
    <message>
        <source>Nothing could be shown of: {missing}</source>
        <translation>无法显示：{missing}</translation>
    </message>
    <message>
        <source>The texts read like that already.</source>
        <translation>这些文本已经是这样了。</translation>
    </message>
</context>
<context>
    <name>ChatActions</name>
    <message>
        <source>Stop the reply</source>
        <translation>停止回答</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新聊天</translation>
    </message>
    <message>
        <source>Next chat</source>
        <translation>下一个聊天</translation>
    </message>
    <message>
        <source>Previous chat</source>
        <translation>上一个聊天</translation>
    </message>
    <message>
        <source>Go to the end of the chat</source>
        <translation>转到聊天末尾</translation>
    </message>
    <message>
        <source>Search all chats</source>
        <translation>搜索所有聊天</translation>
    </message>
    <message>
        <source>Attach files</source>
        <translation>附加文件</translation>
    </message>
    <message>
        <source>Model behaviour</source>
        <translation>模型行为</translation>
    </message>
    <message>
        <source>Regenerate the reply</source>
        <translation>重新生成回答</translation>
    </message>
    <message>
        <source>Continue the reply</source>
        <translation>继续生成回答</translation>
    </message>
    <message>
        <source>Edit the last reply</source>
        <translation>编辑最后一个回答</translation>
    </message>
    <message>
        <source>Edit the last message</source>
        <translation>编辑最后一条消息</translation>
    </message>
    <message>
        <source>Copy the last reply</source>
        <translation>复制最后的回答</translation>
    </message>
    <message>
        <source>Copy the last reply with its thinking</source>
        <translation>复制最后的回答及其思考</translation>
    </message>
    <message>
        <source>Show or fold the thinking</source>
        <translation>展开或折叠思考</translation>
    </message>
    <message>
        <source>Answer now</source>
        <translation>立即回答</translation>
    </message>
    <message>
        <source>Compare answers…</source>
        <translation>比较回答…</translation>
    </message>
    <message>
        <source>No reply is being written</source>
        <translation>当前没有正在生成的回答</translation>
    </message>
    <message>
        <source>This chat has no reply yet</source>
        <translation>此聊天还没有回答</translation>
    </message>
    <message>
        <source>Prompt library</source>
        <translation>提示词库</translation>
    </message>
    <message>
        <source>Structured answers</source>
        <translation>结构化回答</translation>
    </message>
</context>
<context>
    <name>ChatAttachments</name>
    <message>
        <source>{name} is attached already.</source>
        <translation>{name} 已经附上了。</translation>
    </message>
    <message>
        <source>{count} of these files are attached already.</source>
        <translation>其中 {count} 个文件已经附上了。</translation>
    </message>
    <message>
        <source>Attach files</source>
        <translation>附加文件</translation>
    </message>
    <message>
        <source>{name} is not attached any more.</source>
        <translation>{name} 已不再附加。</translation>
    </message>
</context>
<context>
    <name>ChatColumn</name>
    <message>
        <source>Conversation</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Show earlier messages</source>
        <translation>显示更早的消息</translation>
    </message>
    <message>
        <source>Latest</source>
        <translation>最新</translation>
    </message>
    <message>
        <source>Go to the end of the chat</source>
        <translation>转到聊天末尾</translation>
    </message>
</context>
<context>
    <name>ChatComparison</name>
    <message>
        <source>A reply is being written</source>
        <translation>正在生成回答</translation>
    </message>
    <message>
        <source>The model is being measured. Wait until that is done.</source>
        <translation>正在测量此模型，请等待测量完成。</translation>
    </message>
    <message>
        <source>Nothing is written yet</source>
        <translation>还没有输入内容</translation>
    </message>
    <message>
        <source>The documents are being read.</source>
        <translation>正在读取文档。</translation>
    </message>
    <message>
        <source>There is no model on this computer yet. Get one in the Models tab.</source>
        <translation>本机还没有模型。请在“模型”页获取一个。</translation>
    </message>
    <message>
        <source>The models on this computer are still being looked for.</source>
        <translation>仍在查找本机的模型。</translation>
    </message>
    <message>
        <source>Stopped before it began.</source>
        <translation>在开始之前已停止。</translation>
    </message>
    <message>
        <source>The chat is too long for this model&apos;s context of {tokens} tokens. Load the model with a larger one, or leave out older messages: the chat says how.</source>
        <translation>此聊天超出了该模型 {tokens} 个词元的上下文。请以更大的上下文加载模型，或省略较早的消息：聊天中有说明。</translation>
    </message>
    <message>
        <source>Not sent: a rule of the input filter says no. The chat says which.</source>
        <translation>未发送：被输入过滤器的规则拦下。聊天中会说明是哪一条。</translation>
    </message>
    <message>
        <source>Waits for the answers beside it: there is not enough memory for all models at once.</source>
        <translation>正在等待旁边的回答：内存不足以同时容纳所有模型。</translation>
    </message>
    <message>
        <source>Loading the model, {percent}%</source>
        <translation>正在加载模型，{percent}%</translation>
    </message>
</context>
<context>
    <name>ChatList</name>
    <message>
        <source>New chat</source>
        <translation>新聊天</translation>
    </message>
    <message>
        <source>Chats</source>
        <translation>聊天列表</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <source>Start a new chat</source>
        <translation>开始新聊天</translation>
    </message>
    <message>
        <source>Import and export chats</source>
        <translation>导入和导出聊天</translation>
    </message>
    <message>
        <source>Search all chats</source>
        <translation>搜索所有聊天</translation>
    </message>
    <message>
        <source>This chat</source>
        <translation>此聊天</translation>
    </message>
    <message>
        <source>Unpin</source>
        <translation>取消置顶</translation>
    </message>
    <message>
        <source>Pin</source>
        <translation>置顶</translation>
    </message>
    <message>
        <source>Move to folder</source>
        <translation>移到文件夹</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>Its folder</source>
        <translation>所在文件夹</translation>
    </message>
    <message>
        <source>Remove folder, keep its chats</source>
        <translation>移除文件夹，保留其中的聊天</translation>
    </message>
    <message>
        <source>Import chats…</source>
        <translation>导入聊天…</translation>
    </message>
    <message>
        <source>Export all chats</source>
        <translation>导出所有聊天</translation>
    </message>
    <message>
        <source>No folder</source>
        <translation>不放入文件夹</translation>
    </message>
    <message>
        <source>New folder</source>
        <translation>新建文件夹</translation>
    </message>
    <message>
        <source>Markdown…</source>
        <translation>Markdown…</translation>
    </message>
    <message>
        <source>Markdown with thinking…</source>
        <translation>Markdown（含思考）…</translation>
    </message>
    <message>
        <source>Web page…</source>
        <translation>网页…</translation>
    </message>
    <message>
        <source>Web page with thinking…</source>
        <translation>网页（含思考）…</translation>
    </message>
    <message>
        <source>PDF…</source>
        <translation>PDF…</translation>
    </message>
    <message>
        <source>PDF with thinking…</source>
        <translation>PDF（含思考）…</translation>
    </message>
    <message>
        <source>JSON…</source>
        <translation>JSON…</translation>
    </message>
    <message>
        <source>JSON with thinking…</source>
        <translation>JSON（含思考）…</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
</context>
<context>
    <name>ChatListActions</name>
    <message>
        <source>New chat</source>
        <translation>新聊天</translation>
    </message>
    <message>
        <source>The chat is in {path}.</source>
        <translation>聊天已保存到 {path}。</translation>
    </message>
    <message>
        <source>New folder</source>
        <translation>新建文件夹</translation>
    </message>
    <message>
        <source>The folder “{name}” is removed; its chats are kept.</source>
        <translation>文件夹“{name}”已移除，其中的聊天仍保留。</translation>
    </message>
    <message>
        <source>“{title}” is deleted.</source>
        <translation>已删除“{title}”。</translation>
    </message>
    <message>
        <source>Export chats</source>
        <translation>导出聊天</translation>
    </message>
    <message>
        <source>Import chats</source>
        <translation>导入聊天</translation>
    </message>
    <message>
        <source>Chats of Stillroom, ChatGPT, Open WebUI, LM Studio (*.json *.zip)</source>
        <translation>Stillroom、ChatGPT、Open WebUI、LM Studio 的聊天 (*.json *.zip)</translation>
    </message>
    <message>
        <source>All chats ({count}) are in {path}.</source>
        <translation>所有聊天（{count} 个）已保存到 {path}。</translation>
    </message>
    <message>
        <source>Chats added: {count}.</source>
        <translation>已添加聊天：{count} 个。</translation>
    </message>
    <message>
        <source>Left out, as a chat here cannot hold it: {kinds}.</source>
        <translation>以下内容未导入，这里的聊天无法保存：{kinds}。</translation>
    </message>
    <message>
        <source>Export chat</source>
        <translation>导出聊天</translation>
    </message>
</context>
<context>
    <name>ChatPresets</name>
    <message>
        <source>Preset: {name}</source>
        <translation>预设：{name}</translation>
    </message>
    <message>
        <source>Own settings</source>
        <translation>自定义设置</translation>
    </message>
    <message>
        <source>This chat follows no preset of your own</source>
        <translation>此聊天没有采用你自己的预设</translation>
    </message>
    <message>
        <source>Save as preset…</source>
        <translation>另存为预设…</translation>
    </message>
    <message>
        <source>Rename…</source>
        <translation>重命名…</translation>
    </message>
    <message>
        <source>Duplicate</source>
        <translation>复制一份</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>New chats with {model} begin so</source>
        <translation>与 {model} 的新聊天都这样开始</translation>
    </message>
    <message>
        <source>Import presets…</source>
        <translation>导入预设…</translation>
    </message>
    <message>
        <source>Export presets…</source>
        <translation>导出预设…</translation>
    </message>
    <message>
        <source>There are no presets of your own</source>
        <translation>没有你自己的预设</translation>
    </message>
    <message>
        <source>The preset “{name}” is replaced.</source>
        <translation>预设“{name}”已被替换。</translation>
    </message>
    <message>
        <source>“{name}” is a preset now.</source>
        <translation>“{name}”现在是预设。</translation>
    </message>
    <message>
        <source>The preset is renamed.</source>
        <translation>预设已重命名。</translation>
    </message>
    <message>
        <source>“{name}” is there twice now.</source>
        <translation>“{name}”现在有两份。</translation>
    </message>
    <message>
        <source>The preset “{name}” is deleted.</source>
        <translation>预设“{name}”已删除。</translation>
    </message>
    <message>
        <source>Presets added: {count}.</source>
        <translation>已添加 {count} 个预设。</translation>
    </message>
    <message>
        <source>Your presets are in {path}.</source>
        <translation>你的预设位于 {path}。</translation>
    </message>
    <message>
        <source>Usual settings</source>
        <translation>常用设置</translation>
    </message>
    <message>
        <source>R1 authors&apos; recommendation</source>
        <translation>R1 作者的推荐</translation>
    </message>
    <message>
        <source>Short thinking (1,024 tokens)</source>
        <translation>短思考（1,024 个词元）</translation>
    </message>
    <message>
        <source>No thinking</source>
        <translation>不思考</translation>
    </message>
    <message>
        <source>Preset</source>
        <translation>预设</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>Import presets</source>
        <translation>导入预设</translation>
    </message>
    <message>
        <source>Export presets</source>
        <translation>导出预设</translation>
    </message>
    <message>
        <source>Presets of Stillroom (*.json)</source>
        <translation>Stillroom 的预设 (*.json)</translation>
    </message>
</context>
<context>
    <name>ChatPrompts</name>
    <message>
        <source>Prompt library: Import prompts</source>
        <translation>提示词库：导入提示词</translation>
    </message>
    <message>
        <source>Prompt library: Export my prompts</source>
        <translation>提示词库：导出我的提示词</translation>
    </message>
    <message>
        <source>Prompts added: {count}.</source>
        <translation>已添加 {count} 条提示词。</translation>
    </message>
    <message>
        <source>Your prompts are in {path}.</source>
        <translation>你的提示词位于 {path}。</translation>
    </message>
    <message>
        <source>“{title}” is in the library.</source>
        <translation>“{title}”已在提示词库中。</translation>
    </message>
    <message>
        <source>The prompt “{title}” is deleted.</source>
        <translation>提示词“{title}”已删除。</translation>
    </message>
    <message>
        <source>Prompt: {title}</source>
        <translation>提示词：{title}</translation>
    </message>
    <message>
        <source>Import prompts</source>
        <translation>导入提示词</translation>
    </message>
    <message>
        <source>Export my prompts</source>
        <translation>导出我的提示词</translation>
    </message>
    <message>
        <source>Prompts of Stillroom (*.json)</source>
        <translation>Stillroom 的提示词 (*.json)</translation>
    </message>
</context>
<context>
    <name>ChatReadiness</name>
    <message>
        <source>No model is loaded. Choose one at the top of the window, or get one.</source>
        <translation>尚未加载模型。请在窗口顶部选择一个，或获取一个。</translation>
    </message>
    <message>
        <source>Wait for the end of the reply, or stop it.</source>
        <translation>请等待回答结束，或停止生成。</translation>
    </message>
    <message>
        <source>A model elsewhere cannot go on with a reply. Ask for another one.</source>
        <translation>其他地方的模型无法接着生成回答。请重新生成。</translation>
    </message>
    <message>
        <source>Get a model</source>
        <translation>获取模型</translation>
    </message>
    <message>
        <source>The oldest messages are being summarised.</source>
        <translation>正在总结最早的消息。</translation>
    </message>
    <message>
        <source>The documents are being read.</source>
        <translation>正在读取文档。</translation>
    </message>
    <message>
        <source>A message waits to be sent. {keys} takes it back.</source>
        <translation>有一条消息正等待发送，按 {keys} 可收回。</translation>
    </message>
    <message>
        <source>Waits for the measurement. {keys} takes it back.</source>
        <translation>正等待测量结束，按 {keys} 可收回。</translation>
    </message>
    <message>
        <source>Waits for the documents. {keys} takes it back.</source>
        <translation>正等待文档读取完成，按 {keys} 可收回。</translation>
    </message>
    <message>
        <source>Waits for the model. {keys} takes it back.</source>
        <translation>正等待模型，按 {keys} 可收回。</translation>
    </message>
    <message>
        <source>The model is being measured. Wait until that is done.</source>
        <translation>正在测量此模型，请等待测量完成。</translation>
    </message>
    <message>
        <source>The model is being loaded.</source>
        <translation>正在加载模型。</translation>
    </message>
</context>
<context>
    <name>ChatRowDelegate</name>
    <message>
        <source>Title of the chat</source>
        <translation>聊天标题</translation>
    </message>
    <message>
        <source>Name of the folder</source>
        <translation>文件夹名称</translation>
    </message>
</context>
<context>
    <name>ChatRowsModel</name>
    <message>
        <source>Pinned</source>
        <translation>已置顶</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>今天</translation>
    </message>
    <message>
        <source>Yesterday</source>
        <translation>昨天</translation>
    </message>
    <message>
        <source>Last week</source>
        <translation>上周</translation>
    </message>
    <message>
        <source>Earlier</source>
        <translation>更早</translation>
    </message>
    <message>
        <source>{title}, a reply is coming in</source>
        <translation>{title}，正在生成回答</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新聊天</translation>
    </message>
</context>
<context>
    <name>ChatSearchResults</name>
    <message>
        <source>Search results</source>
        <translation>搜索结果</translation>
    </message>
    <message>
        <source>Hits: {count}</source>
        <translation>匹配：{count} 处</translation>
    </message>
    <message>
        <source>Nothing found. Try fewer or other words.</source>
        <translation>没有找到。请减少或更换关键词。</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新聊天</translation>
    </message>
    <message>
        <source>in the thinking</source>
        <translation>在思考中</translation>
    </message>
</context>
<context>
    <name>ChatStatesCard</name>
    <message>
        <source>none</source>
        <translation>不保留</translation>
    </message>
    <message>
        <source>Chats that need no waiting</source>
        <translation>无需等待的聊天</translation>
    </message>
    <message>
        <source>What the model has read of a chat is kept on the disk, so that even a long one goes on without waiting after a restart. Where the space is used up, this is removed of the chats that were not used for longest; the chats themselves always stay.</source>
        <translation>模型已读过的聊天内容会保留在磁盘上，因此重新启动后，即使很长的聊天也无需等待即可继续。空间用完时，先清除最久未用的聊天的这部分数据；聊天本身始终保留。</translation>
    </message>
    <message>
        <source>Disk space for this</source>
        <translation>为此使用的磁盘空间</translation>
    </message>
    <message>
        <source>Clear now</source>
        <translation>立即清除</translation>
    </message>
    <message>
        <source>{size} are in use</source>
        <translation>已使用 {size}</translation>
    </message>
</context>
<context>
    <name>ChatSummaries</name>
    <message>
        <source>The model gets the messages themselves again.</source>
        <translation>模型重新收到消息原文。</translation>
    </message>
</context>
<context>
    <name>ChatTab</name>
    <message>
        <source>Attach to the message</source>
        <translation>附加到消息</translation>
    </message>
    <message>
        <source>Model behaviour</source>
        <translation>模型行为</translation>
    </message>
</context>
<context>
    <name>CodeCard</name>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy code</source>
        <translation>复制代码</translation>
    </message>
    <message>
        <source>To Code</source>
        <translation>到代码页</translation>
    </message>
    <message>
        <source>Put this into the Code tab</source>
        <translation>放入“代码”页</translation>
    </message>
    <message>
        <source>✓ valid {rules}</source>
        <translation>✓ 符合 {rules}</translation>
    </message>
    <message>
        <source>text</source>
        <translation>文本</translation>
    </message>
    <message>
        <source>Code in {language}</source>
        <translation>{language} 代码</translation>
    </message>
    <message>
        <source>Preview</source>
        <translation>预览</translation>
    </message>
    <message>
        <source>Preview without scripts</source>
        <translation>不运行脚本的预览</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
</context>
<context>
    <name>CodeConversation</name>
    <message>
        <source>Ask</source>
        <translation>提问</translation>
    </message>
    <message>
        <source>Open a file or write some code first.</source>
        <translation>请先打开文件或写一些代码。</translation>
    </message>
    <message>
        <source>{tokens} tokens, {left} left</source>
        <translation>{tokens} 个词元，剩余 {left}</translation>
    </message>
    <message>
        <source>{tokens} tokens with {sent} of the file&apos;s {lines} lines, {left} left</source>
        <translation>含文件 {sent}/{lines} 行共 {tokens} 个词元，剩余 {left}</translation>
    </message>
    <message>
        <source>{tokens} tokens with the file, {left} left</source>
        <translation>含文件 {tokens} 个词元，剩余 {left}</translation>
    </message>
    <message>
        <source>With {names}.</source>
        <translation>附带 {names}。</translation>
    </message>
    <message>
        <source>Not found, so not sent: {names}.</source>
        <translation>未找到，因此未发送：{names}。</translation>
    </message>
    <message>
        <source>What is struck through does not fit beside it.</source>
        <translation>划去的内容与它一起放不下。</translation>
    </message>
    <message>
        <source>The reply is complete.</source>
        <translation>回答已完成。</translation>
    </message>
    <message>
        <source>Lines {first} to {last}: {question}</source>
        <translation>第 {first} 至 {last} 行：{question}</translation>
    </message>
    <message>
        <source>Explain lines {first} to {last} of {file}</source>
        <translation>解释 {file} 第 {first} 至 {last} 行</translation>
    </message>
    <message>
        <source>Complete {file} at line {first}</source>
        <translation>在第 {first} 行补全 {file}</translation>
    </message>
    <message>
        <source>Refactor lines {first} to {last} of {file}</source>
        <translation>重构 {file} 的第 {first} 至 {last} 行</translation>
    </message>
    <message>
        <source>Fix lines {first} to {last} of {file}</source>
        <translation>修复 {file} 第 {first} 至 {last} 行</translation>
    </message>
    <message>
        <source>Write tests for lines {first} to {last} of {file}</source>
        <translation>为 {file} 第 {first} 至 {last} 行编写测试</translation>
    </message>
    <message>
        <source>Complete lines {first} to {last} of {file}</source>
        <translation>补全 {file} 第 {first} 至 {last} 行</translation>
    </message>
    <message>
        <source>Untitled</source>
        <translation>未命名</translation>
    </message>
    <message>
        <source>Line {first}: {question}</source>
        <translation>第 {first} 行：{question}</translation>
    </message>
    <message>
        <source>Explain line {first} of {file}</source>
        <translation>解释 {file} 第 {first} 行</translation>
    </message>
    <message>
        <source>Complete line {first} of {file}</source>
        <translation>补全 {file} 第 {first} 行</translation>
    </message>
    <message>
        <source>Refactor line {first} of {file}</source>
        <translation>重构 {file} 的第 {first} 行</translation>
    </message>
    <message>
        <source>Fix line {first} of {file}</source>
        <translation>修复 {file} 第 {first} 行</translation>
    </message>
    <message>
        <source>Write tests for line {first} of {file}</source>
        <translation>为 {file} 第 {first} 行编写测试</translation>
    </message>
    <message>
        <source>The model is being measured. Ask again when that is done.</source>
        <translation>正在测量此模型，请在测量完成后再提问。</translation>
    </message>
    <message>
        <source>The model is being loaded.</source>
        <translation>正在加载模型。</translation>
    </message>
    <message>
        <source>A reply is being written</source>
        <translation>正在生成回答</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Ask (Enter)</source>
        <translation>提问 (Enter)</translation>
    </message>
    <message>
        <source>No model is loaded. Choose one at the top ({keys}).</source>
        <translation>尚未加载模型。请在顶部选择一个（{keys}）。</translation>
    </message>
    <message>
        <source>Waiting for the reply in “{title}”. {keys} ends the wait.</source>
        <translation>正在等待“{title}”中的回答。按 {keys} 结束等待。</translation>
    </message>
    <message>
        <source>{keys} stops the reply.</source>
        <translation>按 {keys} 停止回答。</translation>
    </message>
    <message>
        <source>Explain</source>
        <translation>解释</translation>
    </message>
    <message>
        <source>Explain the selection</source>
        <translation>解释所选内容</translation>
    </message>
    <message>
        <source>Complete</source>
        <translation>补全</translation>
    </message>
    <message>
        <source>Complete at the cursor</source>
        <translation>在光标处补全</translation>
    </message>
    <message>
        <source>Refactor</source>
        <translation>重构</translation>
    </message>
    <message>
        <source>Refactor the selection</source>
        <translation>重构所选内容</translation>
    </message>
    <message>
        <source>Tests</source>
        <translation>测试</translation>
    </message>
    <message>
        <source>Write tests for the selection</source>
        <translation>为所选内容编写测试</translation>
    </message>
    <message>
        <source>Fix</source>
        <translation>修复</translation>
    </message>
    <message>
        <source>Fix the selection</source>
        <translation>修复所选内容</translation>
    </message>
    <message>
        <source>Ask about the selection; @ names a file that goes along</source>
        <translation>就所选内容提问；用 @ 指定一并发送的文件</translation>
    </message>
    <message>
        <source>Question about the selection</source>
        <translation>关于所选内容的问题</translation>
    </message>
    <message>
        <source>Start over: forget what was said</source>
        <translation>重新开始：忘记之前的对话</translation>
    </message>
</context>
<context>
    <name>CodeDialogs</name>
    <message>
        <source>Unsaved changes</source>
        <translation>未保存的更改</translation>
    </message>
    <message>
        <source>Save the changes in {name} first?</source>
        <translation>要先保存对 {name} 的更改吗？</translation>
    </message>
    <message>
        <source>Save the text in a file first?</source>
        <translation>要先把文本保存为文件吗？</translation>
    </message>
    <message>
        <source>If you discard them, they are gone.</source>
        <translation>如果放弃，这些更改将丢失。</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>放弃</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>The file on disk has changed</source>
        <translation>磁盘上的文件已更改</translation>
    </message>
    <message>
        <source>{name} on disk is not the file that was opened here.</source>
        <translation>磁盘上的 {name} 已不是在此打开时的文件。</translation>
    </message>
    <message>
        <source>Overwriting loses what the other program wrote; reloading loses what was changed here.</source>
        <translation>覆盖会丢失其他程序写入的内容；重新载入会丢失在此所做的更改。</translation>
    </message>
    <message>
        <source>Save under another name</source>
        <translation>以其他名称保存</translation>
    </message>
    <message>
        <source>Overwrite</source>
        <translation>覆盖</translation>
    </message>
    <message>
        <source>Reload</source>
        <translation>重新载入</translation>
    </message>
    <message>
        <source>Reload from disk</source>
        <translation>从磁盘重新载入</translation>
    </message>
    <message>
        <source>Reload {name} and lose the changes made here?</source>
        <translation>要重新载入 {name} 并丢弃在此所做的更改吗？</translation>
    </message>
    <message>
        <source>Open files</source>
        <translation>打开文件</translation>
    </message>
    <message>
        <source>Open a folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>Save the text as</source>
        <translation>文本另存为</translation>
    </message>
    <message>
        <source>Go to line</source>
        <translation>转到行</translation>
    </message>
    <message>
        <source>Line, 1 to {last}:</source>
        <translation>行号，1 至 {last}：</translation>
    </message>
</context>
<context>
    <name>CodeDocument</name>
    <message>
        <source>{name} was not read again: the text was edited meanwhile. Save it, or read it once more.</source>
        <translation>没有重新读取 {name}：期间文本已被编辑。请保存它，或再读取一次。</translation>
    </message>
    <message>
        <source>{name} holds characters that this editor would change, so it is open for reading only.</source>
        <translation>{name} 含有本编辑器会改动的字符，因此以只读方式打开。</translation>
    </message>
    <message>
        <source>{name} mixes line ends; saving it here makes them all {kind}.</source>
        <translation>{name} 混用了多种换行符；在此保存会全部改为 {kind}。</translation>
    </message>
    <message>
        <source>The text of the last time could not be read: {reason}.</source>
        <translation>无法读取上次的文本：{reason}。</translation>
    </message>
    <message>
        <source>The unsaved text of the Code tab is back.</source>
        <translation>“代码”页中未保存的文本已恢复。</translation>
    </message>
    <message>
        <source>Unsaved text cannot be kept over a restart now: {reason}. Save it to a file.</source>
        <translation>目前无法在重启后保留未保存的文本：{reason}。请将其保存为文件。</translation>
    </message>
</context>
<context>
    <name>CodeEditor</name>
    <message>
        <source>Tab indents. {keys} leaves the text for the next part of the window.</source>
        <translation>Tab 键缩进。按 {keys} 离开文本，转到窗口的下一部分。</translation>
    </message>
    <message>
        <source>Comment or uncomment lines</source>
        <translation>注释或取消注释行</translation>
    </message>
    <message>
        <source>Indent lines</source>
        <translation>增加缩进</translation>
    </message>
    <message>
        <source>Dedent lines</source>
        <translation>减少缩进</translation>
    </message>
</context>
<context>
    <name>CodeEditorCard</name>
    <message>
        <source>Open a file ({keys}), drop one here, paste code, or start typing.</source>
        <translation>打开文件（{keys}）、把文件拖到这里、粘贴代码，或直接输入。</translation>
    </message>
    <message>
        <source>✓ valid {rules}</source>
        <translation>✓ 符合 {rules}</translation>
    </message>
    <message>
        <source>for reading only</source>
        <translation>只读</translation>
    </message>
    <message>
        <source>not saved</source>
        <translation>未保存</translation>
    </message>
    <message>
        <source>Selected in line {first}</source>
        <translation>已选中第 {first} 行的内容</translation>
    </message>
    <message>
        <source>Lines {first} to {last} selected</source>
        <translation>已选中第 {first} 至 {last} 行</translation>
    </message>
    <message>
        <source>Line {line}, column {column}</source>
        <translation>行 {line}，列 {column}</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
</context>
<context>
    <name>CodeExchange</name>
    <message>
        <source>YOU</source>
        <translation>你</translation>
    </message>
    <message>
        <source>Code {number}</source>
        <translation>代码 {number}</translation>
    </message>
    <message>
        <source>Show changes in {count} files</source>
        <translation>显示 {count} 个文件中的更改</translation>
    </message>
    <message>
        <source>Show the code as changes of the files that it names</source>
        <translation>将代码显示为其所指文件的更改</translation>
    </message>
    <message>
        <source>Nothing of the file fits into the model&apos;s context, so none of it was sent.</source>
        <translation>文件没有任何部分能放入模型的上下文，因此未发送。</translation>
    </message>
    <message>
        <source>Only lines {first} to {last} of {total} fit into the model&apos;s context and were sent.</source>
        <translation>模型的上下文放不下全文，只发送了 {total} 行中的第 {first} 至 {last} 行。</translation>
    </message>
    <message>
        <source>Earlier questions that no longer fit into the context and were left out: {count}.</source>
        <translation>因上下文已放不下而省略的较早提问：{count} 个。</translation>
    </message>
    <message>
        <source>Sent without what the rule “{rule}” took out ({count}).</source>
        <translation>发送时已去掉规则“{rule}”剔除的内容（{count} 处）。</translation>
    </message>
    <message>
        <source>The rule “{rule}” found something. The question was sent as it is.</source>
        <translation>规则“{rule}”有所发现。问题已原样发送。</translation>
    </message>
</context>
<context>
    <name>CodeFixer</name>
    <message>
        <source>Fix it, round {number} of {rounds}</source>
        <translation>修复，第 {number} 轮，共 {rounds} 轮</translation>
    </message>
</context>
<context>
    <name>CodeHistory</name>
    <message>
        <source>Select some lines, then choose one of the buttons above, or ask in your own words below. Without a selection the question is about the whole file.

Code in a reply is checked for syntax at once, and shown as changes that you accept one by one. It is run only when you press Run, in a sandbox.</source>
        <translation>选中若干行，然后按上方的某个按钮，或在下方用自己的话提问。未选中内容时，问题针对整个文件。

回答中的代码会立即检查语法，并显示为可逐处接受的更改。只有按“运行”时才会在沙盒中运行。</translation>
    </message>
    <message>
        <source>Questions and answers about the code</source>
        <translation>关于代码的问答</translation>
    </message>
    <message>
        <source>From here on the model knows nothing of the above.</source>
        <translation>从这里开始，模型不再知道上面的内容。</translation>
    </message>
</context>
<context>
    <name>CodeMemory</name>
    <message>
        <source>The conversation of the last time could not be read: {reason}.</source>
        <translation>上次的对话无法读取：{reason}。</translation>
    </message>
    <message>
        <source>The conversation about code cannot be kept over a restart now: {reason}.</source>
        <translation>有关代码的对话现在无法在重启后保留：{reason}。</translation>
    </message>
</context>
<context>
    <name>CodeOutput</name>
    <message>
        <source>Output of the program</source>
        <translation>程序的输出</translation>
    </message>
</context>
<context>
    <name>CodeProposalBar</name>
    <message>
        <source>Accept</source>
        <translation>接受</translation>
    </message>
    <message>
        <source>Accept this change (A)</source>
        <translation>接受此更改 (A)</translation>
    </message>
    <message>
        <source>Reject</source>
        <translation>拒绝</translation>
    </message>
    <message>
        <source>Reject this change (R)</source>
        <translation>拒绝此更改 (R)</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>下一处</translation>
    </message>
    <message>
        <source>Go to the next change (N)</source>
        <translation>转到下一处更改 (N)</translation>
    </message>
    <message>
        <source>Accept all</source>
        <translation>全部接受</translation>
    </message>
    <message>
        <source>Accept all changes</source>
        <translation>接受全部更改</translation>
    </message>
    <message>
        <source>Take the last decision back</source>
        <translation>撤回上一个决定</translation>
    </message>
    <message>
        <source>Change {number} of {count}</source>
        <translation>第 {number} 处更改，共 {count} 处</translation>
    </message>
</context>
<context>
    <name>CodeProposalView</name>
    <message>
        <source>Proposed changes</source>
        <translation>建议的更改</translation>
    </message>
    <message>
        <source>A accepts a change, R rejects it, N goes to the next one, {keys} takes a decision back.</source>
        <translation>按 A 接受更改，按 R 拒绝，按 N 转到下一处，按 {keys} 撤回决定。</translation>
    </message>
</context>
<context>
    <name>CodeRun</name>
    <message>
        <source>Done in {seconds} s</source>
        <translation>{seconds} 秒完成</translation>
    </message>
    <message>
        <source>Exit code {code} after {seconds} s</source>
        <translation>{seconds} 秒后结束，退出码 {code}</translation>
    </message>
    <message>
        <source>Ended at the limit of {limit_s} s</source>
        <translation>到达 {limit_s} 秒的限制而结束</translation>
    </message>
    <message>
        <source>Ended: it made more than {files} files</source>
        <translation>已结束：创建的文件超过 {files} 个</translation>
    </message>
    <message>
        <source>Stopped after {seconds} s</source>
        <translation>{seconds} 秒后停止</translation>
    </message>
    <message>
        <source>It could not be started: {reason}</source>
        <translation>无法启动：{reason}</translation>
    </message>
    <message>
        <source>Ended: it took more than {memory} of memory</source>
        <translation>已结束：占用内存超过 {memory}</translation>
    </message>
    <message>
        <source>Ended: it wrote more than {output}</source>
        <translation>已结束：输出超过 {output}</translation>
    </message>
    <message>
        <source>Ended: its files took more than {disk}</source>
        <translation>已结束：文件占用超过 {disk}</translation>
    </message>
    <message>
        <source>The program reads more input than there is: write it on the page Input.</source>
        <translation>程序要读取的输入比已有的多：请写在“输入”页中。</translation>
    </message>
    <message>
        <source>Restricted: writes only into its own folder, {time_s} s, {memory}. The network and the files that you can read are open to it.</source>
        <translation>受限：只能写入自己的文件夹，{time_s} 秒，{memory}。网络以及你能读取的文件对它是开放的。</translation>
    </message>
    <message>
        <source>Sandbox: no network, no home, no other programs, {time_s} s, {memory}</source>
        <translation>沙盒：无网络、无个人文件、无其他程序，{time_s} 秒，{memory}</translation>
    </message>
    <message>
        <source>The tests did not run</source>
        <translation>测试未能运行</translation>
    </message>
    <message>
        <source>{passed} of {total} tests passed</source>
        <translation>{total} 个测试中通过 {passed} 个</translation>
    </message>
    <message>
        <source>{passed} of {total} tests passed, {ratio} times as long as the shortest answer that does</source>
        <translation>{total} 个测试中通过 {passed} 个，长度为最短通过答案的 {ratio} 倍</translation>
    </message>
    <message>
        <source>{passed} of {total} tests passed, the shortest answer so far</source>
        <translation>{total} 个测试中通过 {passed} 个，是目前最短的答案</translation>
    </message>
</context>
<context>
    <name>CodeRunCard</name>
    <message>
        <source>Tests</source>
        <translation>测试</translation>
    </message>
    <message>
        <source>Tests of the program: assertions, or functions whose names begin with test.</source>
        <translation>程序的测试：断言，或名称以 test 开头的函数。</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>运行</translation>
    </message>
    <message>
        <source>Test</source>
        <translation>测试</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Nothing has been run yet. Run ({keys}) starts the program above.</source>
        <translation>还没有运行过。“运行”（{keys}）会启动上方的程序。</translation>
    </message>
    <message>
        <source>Run the program in the sandbox</source>
        <translation>在沙盒中运行程序</translation>
    </message>
    <message>
        <source>Run the tests in the sandbox</source>
        <translation>在沙盒中运行测试</translation>
    </message>
    <message>
        <source>Stop the program</source>
        <translation>停止程序</translation>
    </message>
    <message>
        <source>Fix it</source>
        <translation>修复</translation>
    </message>
    <message>
        <source>Running…</source>
        <translation>正在运行…</translation>
    </message>
    <message>
        <source>Testing…</source>
        <translation>正在测试…</translation>
    </message>
    <message>
        <source>The program has written nothing.</source>
        <translation>程序没有输出任何内容。</translation>
    </message>
    <message>
        <source>A program is running</source>
        <translation>程序正在运行</translation>
    </message>
    <message>
        <source>Input of the program</source>
        <translation>程序的输入</translation>
    </message>
    <message>
        <source>What the program reads from its standard input.</source>
        <translation>程序从标准输入读取的内容。</translation>
    </message>
    <message>
        <source>Output</source>
        <translation>输出</translation>
    </message>
    <message>
        <source>Input</source>
        <translation>输入</translation>
    </message>
</context>
<context>
    <name>CodeTab</name>
    <message>
        <source>The text is in {path}.</source>
        <translation>文本已保存到 {path}。</translation>
    </message>
    <message>
        <source>Open in the editor</source>
        <translation>在编辑器中打开</translation>
    </message>
    <message>
        <source>The text reads like that already.</source>
        <translation>文本已经是这样了。</translation>
    </message>
    <message>
        <source>All changes are saved</source>
        <translation>所有更改均已保存</translation>
    </message>
    <message>
        <source>This text is in no file yet</source>
        <translation>此文本尚未保存到文件</translation>
    </message>
    <message>
        <source>No error is known in this text</source>
        <translation>此文本中没有已知的错误</translation>
    </message>
    <message>
        <source>Nothing has failed</source>
        <translation>没有失败的内容</translation>
    </message>
    <message>
        <source>No code was proposed yet</source>
        <translation>还没有建议的代码</translation>
    </message>
    <message>
        <source>No changes of several files were proposed yet</source>
        <translation>还没有涉及多个文件的修改建议</translation>
    </message>
    <message>
        <source>New text</source>
        <translation>新建文本</translation>
    </message>
    <message>
        <source>Open…</source>
        <translation>打开…</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Save as…</source>
        <translation>另存为…</translation>
    </message>
    <message>
        <source>Reload from disk</source>
        <translation>从磁盘重新载入</translation>
    </message>
    <message>
        <source>Close the file</source>
        <translation>关闭文件</translation>
    </message>
    <message>
        <source>Open a folder…</source>
        <translation>打开文件夹…</translation>
    </message>
    <message>
        <source>Go to file…</source>
        <translation>转到文件…</translation>
    </message>
    <message>
        <source>Show or hide the folder</source>
        <translation>显示或隐藏文件夹</translation>
    </message>
    <message>
        <source>Next file</source>
        <translation>下一个文件</translation>
    </message>
    <message>
        <source>File before</source>
        <translation>上一个文件</translation>
    </message>
    <message>
        <source>Move the file to the right</source>
        <translation>将文件右移</translation>
    </message>
    <message>
        <source>Move the file to the left</source>
        <translation>将文件左移</translation>
    </message>
    <message>
        <source>Find…</source>
        <translation>查找…</translation>
    </message>
    <message>
        <source>Replace…</source>
        <translation>替换…</translation>
    </message>
    <message>
        <source>Find next</source>
        <translation>查找下一个</translation>
    </message>
    <message>
        <source>Find previous</source>
        <translation>查找上一个</translation>
    </message>
    <message>
        <source>Go to line…</source>
        <translation>转到行…</translation>
    </message>
    <message>
        <source>Go to the error</source>
        <translation>转到错误处</translation>
    </message>
    <message>
        <source>Run the program</source>
        <translation>运行程序</translation>
    </message>
    <message>
        <source>Run the tests</source>
        <translation>运行测试</translation>
    </message>
    <message>
        <source>Fix what failed</source>
        <translation>修复失败之处</translation>
    </message>
    <message>
        <source>Write tests</source>
        <translation>编写测试</translation>
    </message>
    <message>
        <source>Insert the newest code</source>
        <translation>插入最新的代码</translation>
    </message>
    <message>
        <source>Show the newest code as changes</source>
        <translation>将最新的代码显示为更改</translation>
    </message>
    <message>
        <source>Show the newest changes of several files</source>
        <translation>显示最新的多文件更改</translation>
    </message>
    <message>
        <source>Run the newest code</source>
        <translation>运行最新的代码</translation>
    </message>
    <message>
        <source>Ask in your own words</source>
        <translation>自行提问</translation>
    </message>
    <message>
        <source>Back to the editor</source>
        <translation>返回编辑器</translation>
    </message>
</context>
<context>
    <name>CodeVerdict</name>
    <message>
        <source>line {line}, column {column}: {message}</source>
        <translation>第 {line} 行，第 {column} 列：{message}</translation>
    </message>
    <message>
        <source>line {line}: {message}</source>
        <translation>第 {line} 行：{message}</translation>
    </message>
    <message>
        <source>syntax not checked: no checker for this language</source>
        <translation>未检查语法：没有此语言的检查器</translation>
    </message>
    <message>
        <source>syntax not checked: the code is too long</source>
        <translation>未检查语法：代码太长</translation>
    </message>
    <message>
        <source>syntax not checked: the checker took too long</source>
        <translation>未检查语法：检查超时</translation>
    </message>
    <message>
        <source>syntax not checked: the checker gave up on it</source>
        <translation>未检查语法：检查器无法处理</translation>
    </message>
</context>
<context>
    <name>CodeView</name>
    <message>
        <source>Code editor</source>
        <translation>代码编辑器</translation>
    </message>
</context>
<context>
    <name>Command</name>
    <message>
        <source>{text} ({keys})</source>
        <translation>{text} ({keys})</translation>
    </message>
    <message>
        <source>{menu}: {entry}</source>
        <translation>{menu}：{entry}</translation>
    </message>
    <message>
        <source>Not possible at the moment</source>
        <translation>目前无法进行</translation>
    </message>
</context>
<context>
    <name>CommandPalette</name>
    <message>
        <source>Commands</source>
        <translation>命令</translation>
    </message>
    <message>
        <source>What do you want to do?</source>
        <translation>你想做什么？</translation>
    </message>
    <message>
        <source>There is no command of this name.</source>
        <translation>没有这个名称的命令。</translation>
    </message>
    <message>
        <source>Looking for more commands…</source>
        <translation>正在查找更多命令…</translation>
    </message>
</context>
<context>
    <name>ComparisonCard</name>
    <message>
        <source>Generation and prompt together</source>
        <translation>生成与提示词处理合计</translation>
    </message>
    <message>
        <source>One reading each: a change of 3% or more counts.</source>
        <translation>各读一次：变化达到 3% 才算数。</translation>
    </message>
    <message>
        <source>p = {p}, by Welch&apos;s t-test with the noise between runs added and corrected for the number of figures; a change counts from 3% and p &lt; 0.01.</source>
        <translation>p = {p}，采用韦尔奇 t 检验，计入各次运行之间的波动并按项目数校正；变化达到 3% 且 p &lt; 0.01 才算数。</translation>
    </message>
    <message>
        <source>Also different: {differences}</source>
        <translation>其他差异：{differences}</translation>
    </message>
    <message>
        <source>{run}: {text}</source>
        <translation>{run}：{text}</translation>
    </message>
</context>
<context>
    <name>ComparisonColumn</name>
    <message>
        <source>Take this column away</source>
        <translation>移除此列</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Keep this one</source>
        <translation>保留此回答</translation>
    </message>
    <message>
        <source>Answer {number}</source>
        <translation>回答 {number}</translation>
    </message>
    <message>
        <source>{effort} · temperature {temperature}</source>
        <translation>{effort} · 温度 {temperature}</translation>
    </message>
    <message>
        <source>Waits for its turn.</source>
        <translation>等待轮到它。</translation>
    </message>
    <message>
        <source>The answer that is there already</source>
        <translation>已有的回答</translation>
    </message>
    <message>
        <source>{model} (not on this computer)</source>
        <translation>{model}（不在本机）</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>1 token · {seconds} s</source>
        <translation>1 个词元 · {seconds} 秒</translation>
    </message>
    <message>
        <source>{tokens} tokens · {seconds} s · {rate} tok/s</source>
        <translation>{tokens} 个词元 · {seconds} 秒 · {rate} 词元/秒</translation>
    </message>
</context>
<context>
    <name>ComparisonDialog</name>
    <message>
        <source>Compare answers</source>
        <translation>比较回答</translation>
    </message>
    <message>
        <source>The question</source>
        <translation>问题</translation>
    </message>
    <message>
        <source>One more column</source>
        <translation>再加一列</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Compare</source>
        <translation>比较</translation>
    </message>
    <message>
        <source>Keep answer {number}</source>
        <translation>保留回答 {number}</translation>
    </message>
    <message>
        <source>Keep one to go on with it. The others stay as versions of the answer.</source>
        <translation>保留一个以继续对话，其余的会作为该回答的其他版本保留。</translation>
    </message>
    <message>
        <source>The same model twice shows what another setting does.</source>
        <translation>两次选择同一模型，可以看出其他设置的效果。</translation>
    </message>
    <message>
        <source>Models that do not fit in memory together answer one after another.</source>
        <translation>内存无法同时容纳的模型会依次回答。</translation>
    </message>
    <message>
        <source>{keys} stops the answers.</source>
        <translation>按 {keys} 停止这些回答。</translation>
    </message>
</context>
<context>
    <name>ComparisonFrame</name>
    <message>
        <source>Save or copy</source>
        <translation>保存或复制</translation>
    </message>
    <message>
        <source>Close the comparison</source>
        <translation>关闭比较</translation>
    </message>
    <message>
        <source>Comparison</source>
        <translation>比较</translation>
    </message>
</context>
<context>
    <name>CompletionSwitch</name>
    <message>
        <source>Propose code while typing</source>
        <translation>输入时提议代码</translation>
    </message>
    <message>
        <source>The model cannot fill in code at the cursor</source>
        <translation>该模型不能在光标处补全代码</translation>
    </message>
    <message>
        <source>Tab takes what is proposed, Esc drops it.</source>
        <translation>按 Tab 采用提议，按 Esc 放弃。</translation>
    </message>
    <message>
        <source>The loaded model was not taught to fill in the middle of a text.</source>
        <translation>已加载的模型未学过在文本中间补全。</translation>
    </message>
</context>
<context>
    <name>Composer</name>
    <message>
        <source>Model behaviour</source>
        <translation>模型行为</translation>
    </message>
    <message>
        <source>System prompt, thinking, how freely words are chosen</source>
        <translation>系统提示词、思考、选词的自由程度</translation>
    </message>
    <message>
        <source>Attach files</source>
        <translation>附加文件</translation>
    </message>
    <message>
        <source>Compare answers</source>
        <translation>比较回答</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>发送</translation>
    </message>
    <message>
        <source>Send (Enter)</source>
        <translation>发送 (Enter)</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Stop the reply</source>
        <translation>停止回答</translation>
    </message>
    <message>
        <source>Take the message back</source>
        <translation>收回这条消息</translation>
    </message>
    <message>
        <source>Send it when the reply has ended, or stop the reply ({keys}).</source>
        <translation>请等回答结束后再发送，或停止回答（{keys}）。</translation>
    </message>
    <message>
        <source>A line of more than {count} characters is too long here; attach it as a file.</source>
        <translation>这里不能有超过 {count} 个字符的一行；请将其作为文件附上。</translation>
    </message>
    <message>
        <source>A reply is being written</source>
        <translation>正在生成回答</translation>
    </message>
    <message>
        <source>Nothing is written yet</source>
        <translation>还没有输入内容</translation>
    </message>
    <message>
        <source>Take back</source>
        <translation>收回</translation>
    </message>
    <message>
        <source>Ask anything. Enter sends, Shift+Enter for a new line, / for a prompt.</source>
        <translation>可以问任何问题。Enter 发送，Shift+Enter 换行，/ 选用提示词。</translation>
    </message>
    <message>
        <source>You can ask already. Enter sends it as soon as the model answers.</source>
        <translation>现在就可以提问，按 Enter 后，模型一能回答就会发送。</translation>
    </message>
    <message>
        <source>You can write already; it is kept until you can send it.</source>
        <translation>现在就可以写，内容会保留到可以发送时。</translation>
    </message>
</context>
<context>
    <name>ContextMeter</name>
    <message>
        <source>To send: {used} of {total}</source>
        <translation>待发送：{used}，共 {total}</translation>
    </message>
    <message>
        <source>{used} / {total}</source>
        <translation>{used} / {total}</translation>
    </message>
    <message>
        <source>Chat so far: {history} tokens
{count} passages of the documents: {documents}
Message: {message}
Left for the reply: {left}</source>
        <translation>此前的聊天：{history} 个词元
文档的 {count} 个片段：{documents}
消息：{message}
留给回答：{left}</translation>
    </message>
    <message>
        <source>Chat so far: {history} tokens
Documents: {documents}
Message: {message}
Left for the reply: {left}</source>
        <translation>此前的聊天：{history} 个词元
文档：{documents}
消息：{message}
留给回答：{left}</translation>
    </message>
    <message>
        <source>Chat so far: {history} tokens
Message: {message}
Left for the reply: {left}</source>
        <translation>此前的聊天：{history} 个词元
消息：{message}
留给回答：{left}</translation>
    </message>
</context>
<context>
    <name>ContextNotice</name>
    <message>
        <source>Leave out and send</source>
        <translation>省略并发送</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新聊天</translation>
    </message>
    <message>
        <source>Choose otherwise</source>
        <translation>另作选择</translation>
    </message>
    <message>
        <source>Send nothing more</source>
        <translation>不再发送</translation>
    </message>
    <message>
        <source>This chat ends here until you choose otherwise.</source>
        <translation>在你另作选择之前，此聊天到此为止。</translation>
    </message>
    <message>
        <source>The model does not see the oldest messages, from now on in this chat.</source>
        <translation>从现在起，模型在此聊天中看不到最早的消息。</translation>
    </message>
    <message>
        <source>Summarise and send</source>
        <translation>总结并发送</translation>
    </message>
    <message>
        <source>The model writes what stands for the oldest messages, from now on in this chat.</source>
        <translation>从现在起，在此聊天中由模型写出一段文字来代替最早的消息。</translation>
    </message>
    <message>
        <source>The reply cannot go on: with its prompt it takes {needed} tokens, and the context holds {total}. Load the model with a larger context.</source>
        <translation>回答无法继续：连同提示词共需 {needed} 个词元，而上下文只能容纳 {total} 个。请用更大的上下文加载模型。</translation>
    </message>
    <message>
        <source>This message is too long: it takes {needed} of the context&apos;s {total} tokens and leaves no room for a reply. Shorten it, or load the model with a larger context.</source>
        <translation>这条消息太长：占用了上下文 {total} 个词元中的 {needed} 个，没有留下回答的空间。请缩短消息，或用更大的上下文加载模型。</translation>
    </message>
    <message>
        <source>The chat is longer than the context. The model will not see the {count} oldest messages, from “{first}” on, which are struck through. They stay in the chat.</source>
        <translation>聊天比上下文长。模型将看不到从“{first}”起划掉的 {count} 条最早的消息。它们仍留在聊天中。</translation>
    </message>
    <message>
        <source>The model does not see the {count} oldest messages, from “{first}” on. They stay in the chat.</source>
        <translation>模型看不到从“{first}”起的 {count} 条最早的消息。它们仍留在聊天中。</translation>
    </message>
    <message>
        <source>The {count} oldest messages, from “{first}” on, do not fit. The model sums them up before this message is sent.</source>
        <translation>从“{first}”起的 {count} 条最早的消息放不下。发送此消息之前，模型会先总结它们。</translation>
    </message>
    <message>
        <source>The chat is longer than the context: the {count} oldest messages, from “{first}” on, do not fit. Nothing is sent, as you chose for this chat.</source>
        <translation>聊天比上下文长：从“{first}”起的 {count} 条最早的消息放不下。按你为此聊天所作的选择，不会发送任何内容。</translation>
    </message>
</context>
<context>
    <name>ContextSection</name>
    <message>
        <source>Context in use</source>
        <translation>已用上下文</translation>
    </message>
    <message>
        <source>CONTEXT</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>What the newest reply took of all that the model can see at once, its thinking included. What would be sent next stands below the message field.</source>
        <translation>最近一次回答（含思考）占用了模型一次所能看到的内容中的多少。接下来将发送多少，见消息栏下方。</translation>
    </message>
    <message>
        <source>of {limit} tokens</source>
        <translation>/ {limit} 个词元</translation>
    </message>
    <message>
        <source>of {limit} tokens, last reply</source>
        <translation>/ {limit} 个词元，上次回答</translation>
    </message>
    <message>
        <source>no model loaded</source>
        <translation>未加载模型</translation>
    </message>
</context>
<context>
    <name>CudaCard</name>
    <message>
        <source>Use files…</source>
        <translation>使用文件…</translation>
    </message>
    <message>
        <source>Read the licence…</source>
        <translation>阅读许可协议…</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Address of a mirror; leave it empty for the usual source (PyPI)</source>
        <translation>镜像地址；留空则使用常规来源（PyPI）</translation>
    </message>
    <message>
        <source>Mirror of the download</source>
        <translation>下载镜像</translation>
    </message>
    <message>
        <source>Files that were downloaded on another computer (.whl)</source>
        <translation>在另一台电脑上下载的文件（.whl）</translation>
    </message>
    <message>
        <source>CUDA was tried on {card} and computes correctly.</source>
        <translation>已在 {card} 上试用 CUDA，计算结果正确。</translation>
    </message>
    <message>
        <source>Stillroom uses it from its next start on.</source>
        <translation>Stillroom 将从下次启动起使用它。</translation>
    </message>
    <message>
        <source>Licence: {name}</source>
        <translation>许可协议：{name}</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s libraries are removed: {size} are free again.</source>
        <translation>已移除 NVIDIA 的库：释放了 {size}。</translation>
    </message>
    <message>
        <source>{hint} To fetch: {download}. On disk when unpacked: {unpacked}.</source>
        <translation>{hint} 需要下载：{download}。解压后占用磁盘：{unpacked}。</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>Resume ({size} left)</source>
        <translation>继续（还剩 {size}）</translation>
    </message>
    <message>
        <source>Get it ({size})</source>
        <translation>获取（{size}）</translation>
    </message>
    <message>
        <source>Preparing your card and trying it: once, about a minute…</source>
        <translation>正在为你的显卡做准备并试算：仅一次，约一分钟…</translation>
    </message>
    <message>
        <source>One moment…</source>
        <translation>请稍候…</translation>
    </message>
    <message>
        <source>Downloading</source>
        <translation>正在下载</translation>
    </message>
    <message>
        <source>Verifying</source>
        <translation>正在校验</translation>
    </message>
    <message>
        <source>Unpacking</source>
        <translation>正在解压</translation>
    </message>
    <message>
        <source>{stage}: {done} of {total}</source>
        <translation>{stage}：{done} / {total}</translation>
    </message>
    <message>
        <source>{time} left</source>
        <translation>剩余 {time}</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s files</source>
        <translation>NVIDIA 的文件</translation>
    </message>
    <message>
        <source>Python wheels (*.whl)</source>
        <translation>Python wheel 文件 (*.whl)</translation>
    </message>
    <message>
        <source>They take {size}.</source>
        <translation>它们占用 {size}。</translation>
    </message>
</context>
<context>
    <name>DetailsCard</name>
    <message>
        <source>All figures</source>
        <translation>全部数据</translation>
    </message>
    <message>
        <source>mean ± deviation</source>
        <translation>平均值 ± 标准差</translation>
    </message>
    <message>
        <source>95% interval</source>
        <translation>95% 区间</translation>
    </message>
    <message>
        <source>n</source>
        <translation>n</translation>
    </message>
    <message>
        <source>Not measured: {figures}. {reason}</source>
        <translation>未测量：{figures}。{reason}</translation>
    </message>
    <message>
        <source>Further figures, which a saved report has: {count}.</source>
        <translation>其余指标（{count} 项）见保存的报告。</translation>
    </message>
    <message>
        <source>The run was interrupted and went on: {count}.</source>
        <translation>运行曾中断并继续：{count} 次。</translation>
    </message>
</context>
<context>
    <name>DoctorPage</name>
    <message>
        <source>Looking at this computer…</source>
        <translation>正在检查本机…</translation>
    </message>
    <message>
        <source>Examine again</source>
        <translation>重新检查</translation>
    </message>
    <message>
        <source>Copy report</source>
        <translation>复制报告</translation>
    </message>
    <message>
        <source>Versions and log lines, no chat text</source>
        <translation>版本和日志，不含聊天内容</translation>
    </message>
    <message>
        <source>Models cannot run here yet.</source>
        <translation>目前还不能在本机运行模型。</translation>
    </message>
    <message>
        <source>Models run here, on the graphics card.</source>
        <translation>模型可在本机的显卡上运行。</translation>
    </message>
    <message>
        <source>Models run here, on the processor.</source>
        <translation>模型可在本机的处理器上运行。</translation>
    </message>
    <message>
        <source>Recommended: {model} in {type}, {size}</source>
        <translation>推荐：{model}，{type}，{size}</translation>
    </message>
    <message>
        <source>{processor}, {cores} cores</source>
        <translation>{processor}，{cores} 核</translation>
    </message>
    <message>
        <source>{free} of {total} of memory free, {disk} of disk free</source>
        <translation>内存可用 {free}（共 {total}），磁盘可用 {disk}</translation>
    </message>
    <message>
        <source>Another computer helps: {address}</source>
        <translation>另一台电脑正在协助：{address}</translation>
    </message>
    <message>
        <source>llama.cpp computes on {backend}: {device}</source>
        <translation>llama.cpp 通过 {backend} 计算：{device}</translation>
    </message>
    <message>
        <source>{free} of {total} of memory free</source>
        <translation>内存可用 {free}（共 {total}）</translation>
    </message>
    <message>
        <source>llama.cpp&apos;s {backend} back end is not used</source>
        <translation>未使用 llama.cpp 的 {backend} 后端</translation>
    </message>
</context>
<context>
    <name>DocumentDialog</name>
    <message>
        <source>Text of {name}</source>
        <translation>{name} 的文字</translation>
    </message>
    <message>
        <source>The marked passages went to the model: the whole did not fit into the context.</source>
        <translation>标出的片段已交给模型：全文超出了上下文。</translation>
    </message>
    <message>
        <source>This is what the model reads of it.</source>
        <translation>模型读到的就是这些内容。</translation>
    </message>
    <message>
        <source>It holds characters that cannot be seen.</source>
        <translation>其中含有看不见的字符。</translation>
    </message>
    <message>
        <source>Passages that went to the model</source>
        <translation>发给模型的片段</translation>
    </message>
    <message>
        <source>It is too long to be shown whole: this is line {first} to line {last} of {count}.</source>
        <translation>文档太长，无法全部显示：这里是第 {first} 行到第 {last} 行，共 {count} 行。</translation>
    </message>
</context>
<context>
    <name>DriftItems</name>
    <message>
        <source>Question</source>
        <translation>问题</translation>
    </message>
    <message>
        <source>Answer</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>Same tokens</source>
        <translation>相同的词元</translation>
    </message>
    <message>
        <source>ROUGE-L</source>
        <translation>ROUGE-L</translation>
    </message>
    <message>
        <source>Likelihood</source>
        <translation>似然</translation>
    </message>
    <message>
        <source>How much more or less likely it finds the same words: the largest change of a token&apos;s log probability, in nats</source>
        <translation>同样的词在它看来可能性变化了多少：词元对数概率的最大变化，单位 nat</translation>
    </message>
    <message>
        <source>as before</source>
        <translation>与之前相同</translation>
    </message>
    <message>
        <source>likelihood changed</source>
        <translation>可能性有变化</translation>
    </message>
    <message>
        <source>differs from token {place} on</source>
        <translation>从第 {place} 个词元起不同</translation>
    </message>
</context>
<context>
    <name>DriftPage</name>
    <message>
        <source>Check now</source>
        <translation>立即检查</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>The next checks are compared with this one. What was kept before stays.</source>
        <translation>以后的检查将与这一次比较。之前保留的内容不会丢失。</translation>
    </message>
    <message>
        <source>ANSWERS</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>SPEED</source>
        <translation>速度</translation>
    </message>
    <message>
        <source>SINCE</source>
        <translation>自何时起</translation>
    </message>
    <message>
        <source>Expect these answers from now on</source>
        <translation>今后以这些回答为准</translation>
    </message>
    <message>
        <source>Kept answers</source>
        <translation>保留的回答</translation>
    </message>
    <message>
        <source>The answers have been checked.</source>
        <translation>回答已检查完毕。</translation>
    </message>
    <message>
        <source>{done} of {total} answers</source>
        <translation>{total} 个回答中完成 {done} 个</translation>
    </message>
    <message>
        <source>Reading the model file</source>
        <translation>正在读取模型文件</translation>
    </message>
    <message>
        <source>Drift: {step}</source>
        <translation>漂移：{step}</translation>
    </message>
    <message>
        <source>{field}: {before}, now {now}</source>
        <translation>{field}：{before}，现在 {now}</translation>
    </message>
    <message>
        <source>Nothing: file, programs, driver and settings are the same.</source>
        <translation>没有变化：文件、程序、驱动程序和设置都相同。</translation>
    </message>
    <message>
        <source>Asks the same test questions again; some seconds to a few minutes</source>
        <translation>重新提出相同的测试问题；需要几秒到几分钟</translation>
    </message>
    <message>
        <source>Press Check now once with a loaded model: Stillroom asks eight short questions, without any randomness, and keeps the answers. After an update of Stillroom, llama.cpp, a driver or the model file it asks them again when the computer is idle, and tells you if an answer or the speed has changed.</source>
        <translation>加载模型后按一次“立即检查”：Stillroom 会在没有任何随机性的情况下提出八个简短问题并保留回答。在 Stillroom、llama.cpp、驱动程序或模型文件更新之后，它会在电脑空闲时再次提问，并在回答或速度有变化时告诉你。</translation>
    </message>
    <message>
        <source>{model}, checked {when}</source>
        <translation>{model}，检查于 {when}</translation>
    </message>
    <message>
        <source>A model elsewhere is not checked</source>
        <translation>不检查其他地方的模型</translation>
    </message>
    <message>
        <source>Does it still answer as it did?</source>
        <translation>它的回答还和以前一样吗？</translation>
    </message>
    <message>
        <source>BEFORE</source>
        <translation>之前</translation>
    </message>
    <message>
        <source>NOW</source>
        <translation>现在</translation>
    </message>
    <message>
        <source>WHAT HAS CHANGED</source>
        <translation>有哪些变化</translation>
    </message>
</context>
<context>
    <name>DriftWords</name>
    <message>
        <source>Kept</source>
        <translation>已保留</translation>
    </message>
    <message>
        <source>As before</source>
        <translation>与之前相同</translation>
    </message>
    <message>
        <source>{count} of {all} differ</source>
        <translation>{all} 个中有 {count} 个不同</translation>
    </message>
    <message>
        <source>all {count}, token for token</source>
        <translation>全部 {count} 个逐词元相同</translation>
    </message>
    <message>
        <source>{count} answers compared, token for token</source>
        <translation>已逐词元比较 {count} 个回答</translation>
    </message>
    <message>
        <source>Faster</source>
        <translation>更快</translation>
    </message>
    <message>
        <source>Slower</source>
        <translation>更慢</translation>
    </message>
    <message>
        <source>Not conclusive</source>
        <translation>无法下结论</translation>
    </message>
    <message>
        <source>generation {decode}, prompt {prompt}, n = {n}</source>
        <translation>生成 {decode}，提示词 {prompt}，n = {n}</translation>
    </message>
    <message>
        <source>Other programs used the processor during one of the checks, or the speed scatters.</source>
        <translation>其中一次检查期间有其他程序占用处理器，或速度波动较大。</translation>
    </message>
    <message>
        <source>first seen then; the same until {last}</source>
        <translation>当时首次发现；到 {last} 为止都相同</translation>
    </message>
    <message>
        <source>Likelihoods changed</source>
        <translation>可能性有变化</translation>
    </message>
    <message>
        <source>Not comparable</source>
        <translation>无法比较</translation>
    </message>
    <message>
        <source>{count} answers, to compare the next check with</source>
        <translation>{count} 个回答，供下次检查比较</translation>
    </message>
    <message>
        <source>the questions have changed since then</source>
        <translation>此后题目已更改</translation>
    </message>
    <message>
        <source>when the answers were kept</source>
        <translation>保留回答之时</translation>
    </message>
    <message>
        <source>{model} does not answer as before: {count} of {all} test questions are answered differently.</source>
        <translation>{model} 的回答与以前不同：{all} 个测试问题中有 {count} 个回答不同。</translation>
    </message>
    <message>
        <source>{model} still answers the test questions as before, but computes them slightly differently.</source>
        <translation>{model} 对测试问题的回答仍与以前相同，但计算结果略有差异。</translation>
    </message>
    <message>
        <source>{model} is slower than before by {percent}%.</source>
        <translation>{model} 比以前慢 {percent}%。</translation>
    </message>
    <message>
        <source>Content of the file (SHA-256)</source>
        <translation>文件内容（SHA-256）</translation>
    </message>
    <message>
        <source>Quantisation</source>
        <translation>量化</translation>
    </message>
    <message>
        <source>Stillroom</source>
        <translation>Stillroom</translation>
    </message>
    <message>
        <source>llama.cpp</source>
        <translation>llama.cpp</translation>
    </message>
    <message>
        <source>Instructions of the processor that llama.cpp uses</source>
        <translation>llama.cpp 使用的处理器指令</translation>
    </message>
    <message>
        <source>Back end</source>
        <translation>后端</translation>
    </message>
    <message>
        <source>Graphics cards</source>
        <translation>显卡</translation>
    </message>
    <message>
        <source>Graphics driver</source>
        <translation>显卡驱动</translation>
    </message>
    <message>
        <source>Processor</source>
        <translation>处理器</translation>
    </message>
    <message>
        <source>GPU layers</source>
        <translation>GPU 层数</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>线程数</translation>
    </message>
    <message>
        <source>Threads for prompts</source>
        <translation>处理提示词的线程数</translation>
    </message>
    <message>
        <source>Batch</source>
        <translation>批大小</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV 缓存</translation>
    </message>
    <message>
        <source>Flash attention</source>
        <translation>Flash attention</translation>
    </message>
    <message>
        <source>Stretched context</source>
        <translation>扩展的上下文</translation>
    </message>
    <message>
        <source>Other computers</source>
        <translation>其他电脑</translation>
    </message>
    <message>
        <source>none</source>
        <translation>无</translation>
    </message>
</context>
<context>
    <name>ElsewhereChoice</name>
    <message>
        <source>Not on this computer</source>
        <translation>不在本机上</translation>
    </message>
    <message>
        <source>Send what you ask to {host}?</source>
        <translation>把你的提问发送到 {host}？</translation>
    </message>
    <message>
        <source>Your messages, the chat before them and its documents then leave this computer, each time you send something to a model of this server. You are asked this once.</source>
        <translation>每次向此服务器的模型发送内容时，你的消息、之前的聊天以及其中的文档都会离开本机。此问题只问一次。</translation>
    </message>
    <message>
        <source>The connection is not encrypted: whoever is in between can read along.</source>
        <translation>连接未加密：途中的任何人都能看到内容。</translation>
    </message>
    <message>
        <source>Use it</source>
        <translation>使用</translation>
    </message>
</context>
<context>
    <name>ElsewhereLine</name>
    <message>
        <source>Not on this computer: what you send goes to {host}.</source>
        <translation>不在本机上：你发送的内容会传到 {host}。</translation>
    </message>
</context>
<context>
    <name>EmptyChat</name>
    <message>
        <source>Ask anything</source>
        <translation>随便问</translation>
    </message>
    <message>
        <source>{model} answers on {host}. What you send leaves this computer.</source>
        <translation>{model} 在 {host} 上回答。你发送的内容会离开本机。</translation>
    </message>
    <message>
        <source>{model} answers on this computer. Nothing you write leaves it.</source>
        <translation>{model} 在本机回答。你写的内容不会离开本机。</translation>
    </message>
    <message>
        <source>A model is being loaded.</source>
        <translation>正在加载模型。</translation>
    </message>
    <message>
        <source>Choose a model at the top of the window to begin.</source>
        <translation>请先在窗口顶部选择模型。</translation>
    </message>
</context>
<context>
    <name>FactsCard</name>
    <message>
        <source>Where it was measured</source>
        <translation>在哪里测量</translation>
    </message>
</context>
<context>
    <name>FigureCards</name>
    <message>
        <source>GENERATION</source>
        <translation>生成速度</translation>
    </message>
    <message>
        <source>PROMPT</source>
        <translation>提示词速度</translation>
    </message>
    <message>
        <source>FIRST TOKEN</source>
        <translation>首个词元</translation>
    </message>
    <message>
        <source>PEAK MEMORY</source>
        <translation>内存峰值</translation>
    </message>
    <message>
        <source>EFFICIENCY</source>
        <translation>能效</translation>
    </message>
    <message>
        <source>after a prompt of {tokens} tokens</source>
        <translation>提示词 {tokens} 个词元之后</translation>
    </message>
    <message>
        <source>VRAM {size} GB</source>
        <translation>显存 {size} GB</translation>
    </message>
    <message>
        <source>memory {size} GB</source>
        <translation>内存 {size} GB</translation>
    </message>
    <message>
        <source>loads in {duration} s</source>
        <translation>加载用时 {duration} 秒</translation>
    </message>
    <message>
        <source>not measured: it runs elsewhere</source>
        <translation>未测量：它在别处运行</translation>
    </message>
    <message>
        <source>{power} W</source>
        <translation>{power} W</translation>
    </message>
    <message>
        <source>{tokens} tokens</source>
        <translation>{tokens} 个词元</translation>
    </message>
</context>
<context>
    <name>FileTabs</name>
    <message>
        <source>Open files</source>
        <translation>打开的文件</translation>
    </message>
    <message>
        <source>Close the file</source>
        <translation>关闭文件</translation>
    </message>
    <message>
        <source>not saved</source>
        <translation>未保存</translation>
    </message>
    <message>
        <source>changes wait to be accepted</source>
        <translation>有更改待接受</translation>
    </message>
</context>
<context>
    <name>FilterNotice</name>
    <message>
        <source>Input filter</source>
        <translation>输入过滤器</translation>
    </message>
    <message>
        <source>Close this notice</source>
        <translation>关闭此通知</translation>
    </message>
    <message>
        <source>Not sent: the filter rule “{rule}” did not finish in time. Make its expression simpler, or switch it off.</source>
        <translation>未发送：过滤规则“{rule}”未能及时完成。请简化其表达式，或将其关闭。</translation>
    </message>
    <message>
        <source>Not sent: the filter rule “{rule}” does not let an earlier message of this chat out. Edit that message, begin a new chat, or change the rule.</source>
        <translation>未发送：过滤规则“{rule}”不允许此聊天中较早的一条消息发出。请编辑那条消息、开始新聊天，或更改规则。</translation>
    </message>
    <message>
        <source>Not sent: the filter rule “{rule}” found “{quote}”. Your message stays below.</source>
        <translation>未发送：过滤规则“{rule}”发现了“{quote}”。你的消息保留在下方。</translation>
    </message>
    <message>
        <source>Not sent: the filter rule “{rule}” found something in what goes along with your message, which stays below.</source>
        <translation>未发送：过滤规则“{rule}”在随消息一起发送的内容中有所发现。你的消息保留在下方。</translation>
    </message>
    <message>
        <source>Sent without what the rule “{rule}” took out ({count}).</source>
        <translation>发送时已去掉规则“{rule}”剔除的内容（{count} 处）。</translation>
    </message>
    <message>
        <source>Earlier messages go along without what the rule “{rule}” takes out ({count}).</source>
        <translation>较早的消息发送时去掉了规则“{rule}”剔除的内容（{count} 处）。</translation>
    </message>
    <message>
        <source>The rule “{rule}” found something. The message was sent as it is.</source>
        <translation>规则“{rule}”有所发现。消息已原样发送。</translation>
    </message>
</context>
<context>
    <name>FilterRuleForm</name>
    <message>
        <source>Capitals and small letters are the same</source>
        <translation>不区分大小写</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>Looks for</source>
        <translation>查找</translation>
    </message>
    <message>
        <source>Pattern (regular expression)</source>
        <translation>模式（正则表达式）</translation>
    </message>
    <message>
        <source>Most characters</source>
        <translation>最多字符数</translation>
    </message>
    <message>
        <source>Action</source>
        <translation>动作</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>备注</translation>
    </message>
</context>
<context>
    <name>FilterRuleTable</name>
    <message>
        <source>Rule</source>
        <translation>规则</translation>
    </message>
    <message>
        <source>Action</source>
        <translation>动作</translation>
    </message>
    <message>
        <source>Rules of the input filter, in their order</source>
        <translation>输入过滤器的规则，按顺序排列</translation>
    </message>
</context>
<context>
    <name>FilterTrial</name>
    <message>
        <source>Text to try the rules with</source>
        <translation>用来试验规则的文字</translation>
    </message>
    <message>
        <source>Type or paste a text to see what the rules make of it.</source>
        <translation>输入或粘贴文字，看规则如何处理。</translation>
    </message>
    <message>
        <source>Try the rules that are off, too</source>
        <translation>也试验已关闭的规则</translation>
    </message>
    <message>
        <source>Nothing of this leaves the window.</source>
        <translation>这里的任何内容都不会离开窗口。</translation>
    </message>
    <message>
        <source>The message would not be sent.</source>
        <translation>消息不会被发送。</translation>
    </message>
    <message>
        <source>No rule finds anything. The message would be sent as it is.</source>
        <translation>没有规则有所发现。消息会原样发送。</translation>
    </message>
    <message>
        <source>This would be sent:
{text}</source>
        <translation>将会发送：
{text}</translation>
    </message>
    <message>
        <source>“{rule}” did not finish in time.</source>
        <translation>“{rule}”未能及时完成。</translation>
    </message>
    <message>
        <source>“{rule}” blocks: {count} found.</source>
        <translation>“{rule}”阻止：发现 {count} 处。</translation>
    </message>
    <message>
        <source>“{rule}” takes out: {count} found.</source>
        <translation>“{rule}”剔除：发现 {count} 处。</translation>
    </message>
    <message>
        <source>“{rule}” flags: {count} found.</source>
        <translation>“{rule}”标记：发现 {count} 处。</translation>
    </message>
</context>
<context>
    <name>FilteredTable</name>
    <message>
        <source>Filter</source>
        <translation>筛选</translation>
    </message>
    <message>
        <source>Filter {table}</source>
        <translation>筛选{table}</translation>
    </message>
    <message>
        <source>{shown} of {all}</source>
        <translation>{shown} / {all}</translation>
    </message>
</context>
<context>
    <name>FiltersDialog</name>
    <message>
        <source>Input filter</source>
        <translation>输入过滤器</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Start again with the shipped rules</source>
        <translation>重新使用自带的规则</translation>
    </message>
    <message>
        <source>Move the rule up</source>
        <translation>上移规则</translation>
    </message>
    <message>
        <source>Move the rule down</source>
        <translation>下移规则</translation>
    </message>
    <message>
        <source>All that you send passes these rules, from the top to the bottom: chats, code, the command “stillroom chat” and the local API. They find secrets of a known form, such as keys and card numbers. They do not find every secret, and no list of phrases stops a text that tries to take over the model (prompt injection).</source>
        <translation>你发送的所有内容都会自上而下经过这些规则：聊天、代码、“stillroom chat”命令和本地 API。它们能发现已知形式的机密，例如密钥和卡号，但不能发现所有机密；任何短语列表也无法阻止试图操纵模型的文字（提示词注入）。</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>添加</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Bring back shipped rules</source>
        <translation>恢复自带的规则</translation>
    </message>
    <message>
        <source>RULE</source>
        <translation>规则</translation>
    </message>
    <message>
        <source>TRY IT</source>
        <translation>试一试</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>New rule</source>
        <translation>新规则</translation>
    </message>
    <message>
        <source>“{rule}” is deleted.</source>
        <translation>“{rule}”已删除。</translation>
    </message>
    <message>
        <source>All shipped rules are in the list.</source>
        <translation>自带的规则都在列表中。</translation>
    </message>
    <message>
        <source>Shipped rules that are back, switched off: {count}.</source>
        <translation>已恢复的自带规则（处于关闭状态）：{count} 条。</translation>
    </message>
    <message>
        <source>The file could not be renamed: {reason}.</source>
        <translation>无法重命名文件：{reason}。</translation>
    </message>
    <message>
        <source>The old file is kept as {path}.</source>
        <translation>旧文件保存为 {path}。</translation>
    </message>
</context>
<context>
    <name>FindBar</name>
    <message>
        <source>Find</source>
        <translation>查找</translation>
    </message>
    <message>
        <source>Replace with</source>
        <translation>替换为</translation>
    </message>
    <message>
        <source>Match upper and lower case</source>
        <translation>区分大小写</translation>
    </message>
    <message>
        <source>Whole words only</source>
        <translation>全字匹配</translation>
    </message>
    <message>
        <source>Regular expression</source>
        <translation>正则表达式</translation>
    </message>
    <message>
        <source>Find previous (Shift+Enter)</source>
        <translation>查找上一个 (Shift+Enter)</translation>
    </message>
    <message>
        <source>Find next (Enter)</source>
        <translation>查找下一个 (Enter)</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Replace</source>
        <translation>替换</translation>
    </message>
    <message>
        <source>Replace what is selected (Enter)</source>
        <translation>替换所选内容 (Enter)</translation>
    </message>
    <message>
        <source>Replace all</source>
        <translation>全部替换</translation>
    </message>
    <message>
        <source>{count} replaced</source>
        <translation>已替换 {count} 处</translation>
    </message>
    <message>
        <source>not found</source>
        <translation>未找到</translation>
    </message>
    <message>
        <source>not a valid pattern</source>
        <translation>表达式无效</translation>
    </message>
    <message>
        <source>{count} or more</source>
        <translation>{count} 处或更多</translation>
    </message>
    <message>
        <source>{count} found</source>
        <translation>找到 {count} 处</translation>
    </message>
    <message>
        <source>{index} of {count}</source>
        <translation>第 {index} 处，共 {count} 处</translation>
    </message>
</context>
<context>
    <name>FirstRun</name>
    <message>
        <source>Stillroom downloads the original model and makes a smaller one of it that suits this PC. The Models tab has all the others.</source>
        <translation>Stillroom 会下载原始模型，并由此制作适合本机的较小模型。“模型”页中有其他所有模型。</translation>
    </message>
    <message>
        <source>Stillroom downloads the original model and makes a smaller one of it that suits this PC. Meanwhile you can talk to the small starter model. The Models tab has all the others.</source>
        <translation>Stillroom 会下载原始模型，并由此制作适合本机的较小模型。在此期间可以与小巧的入门模型交谈。“模型”页中有其他所有模型。</translation>
    </message>
    <message>
        <source>Not now</source>
        <translation>暂不</translation>
    </message>
</context>
<context>
    <name>FolderPanel</name>
    <message>
        <source>Read the folder again</source>
        <translation>重新读取文件夹</translation>
    </message>
    <message>
        <source>Close the folder</source>
        <translation>关闭文件夹</translation>
    </message>
    <message>
        <source>No folder is open</source>
        <translation>未打开文件夹</translation>
    </message>
    <message>
        <source>No file of that name.</source>
        <translation>没有这个名称的文件。</translation>
    </message>
    <message>
        <source>Looking for files…</source>
        <translation>正在查找文件…</translation>
    </message>
    <message>
        <source>Only the first {count} files were searched.</source>
        <translation>只搜索了前 {count} 个文件。</translation>
    </message>
    <message>
        <source>Go to file</source>
        <translation>转到文件</translation>
    </message>
    <message>
        <source>Files that were found</source>
        <translation>找到的文件</translation>
    </message>
</context>
<context>
    <name>FolderTree</name>
    <message>
        <source>Files of the folder</source>
        <translation>文件夹中的文件</translation>
    </message>
    <message>
        <source>There are more, which are not shown.</source>
        <translation>还有更多，未显示。</translation>
    </message>
    <message>
        <source>A link that leads out of the folder</source>
        <translation>指向文件夹之外的链接</translation>
    </message>
    <message>
        <source>A link to a folder, which is not followed</source>
        <translation>指向文件夹的链接，不会跟随</translation>
    </message>
</context>
<context>
    <name>FormsMenu</name>
    <message>
        <source>Save as a web page…</source>
        <translation>保存为网页…</translation>
    </message>
    <message>
        <source>Save as JSON…</source>
        <translation>保存为 JSON…</translation>
    </message>
    <message>
        <source>Save as Markdown…</source>
        <translation>保存为 Markdown…</translation>
    </message>
    <message>
        <source>Copy as Markdown</source>
        <translation>复制为 Markdown</translation>
    </message>
    <message>
        <source>Save as a picture…</source>
        <translation>保存为图片…</translation>
    </message>
    <message>
        <source>Copy as a picture</source>
        <translation>复制为图片</translation>
    </message>
    <message>
        <source>Saved as {name}.</source>
        <translation>已保存为 {name}。</translation>
    </message>
    <message>
        <source>Copied.</source>
        <translation>已复制。</translation>
    </message>
</context>
<context>
    <name>FoundTable</name>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>How many numbers (parameters) the model consists of</source>
        <translation>模型由多少个数值（参数）组成</translation>
    </message>
    <message>
        <source>Licence</source>
        <translation>许可证</translation>
    </message>
    <message>
        <source>Downloads</source>
        <translation>下载量</translation>
    </message>
    <message>
        <source>Of the last 30 days</source>
        <translation>最近 30 天</translation>
    </message>
    <message>
        <source>Likes</source>
        <translation>点赞数</translation>
    </message>
    <message>
        <source>On this PC</source>
        <translation>本机运行</translation>
    </message>
    <message>
        <source>{count} billion</source>
        <translation>{count}B 参数</translation>
    </message>
    <message>
        <source>Its kind cannot be used</source>
        <translation>此类模型不能使用</translation>
    </message>
    <message>
        <source>Open it to see</source>
        <translation>打开后可见</translation>
    </message>
    <message>
        <source>Models of the kind {kind} cannot be used here.</source>
        <translation>这里不能使用 {kind} 类的模型。</translation>
    </message>
    <message>
        <source>Estimated for the type {type}, with a context of {context} tokens, from a model of about this size.</source>
        <translation>按大小相近的模型，以 {type} 类型和 {context} 个词元的上下文估算。</translation>
    </message>
</context>
<context>
    <name>GeneralRows</name>
    <message>
        <source>Theme</source>
        <translation>主题</translation>
    </message>
    <message>
        <source>As the desktop</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>Light, high contrast</source>
        <translation>浅色，高对比度</translation>
    </message>
    <message>
        <source>Dark, high contrast</source>
        <translation>深色，高对比度</translation>
    </message>
    <message>
        <source>Size of everything</source>
        <translation>整体大小</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Live panel: new figures</source>
        <translation>实时面板的更新</translation>
    </message>
    <message>
        <source> times a second</source>
        <translation> 次/秒</translation>
    </message>
    <message>
        <source>How often speed and memory at the right of the window are measured.</source>
        <translation>窗口右侧的速度和内存多久测量一次。</translation>
    </message>
    <message>
        <source>Warn when making a model smaller raises its perplexity by</source>
        <translation>压缩模型使困惑度升高超过此值时提醒</translation>
    </message>
    <message>
        <source>Perplexity is how much a text surprises a model, and a smaller size is surprised more. Up to some 2% is hardly noticed in answers, 10% is.</source>
        <translation>困惑度表示一段文本让模型“意外”的程度，尺寸越小越容易“意外”。2% 以内在回答中几乎察觉不到，10% 则能察觉。</translation>
    </message>
    <message>
        <source>After making a model, measure how close it is to its original</source>
        <translation>制作模型后，测量它与原始模型的接近程度</translation>
    </message>
    <message>
        <source>Notify me when a long reply is complete while I am in another window</source>
        <translation>我在其他窗口时，长回答完成后通知我</translation>
    </message>
    <message>
        <source>{larger}, {smaller} and {normal} change it too.</source>
        <translation>也可用 {larger}、{smaller} 和 {normal} 更改。</translation>
    </message>
    <message>
        <source>Keep the downloaded originals of models that are made here</source>
        <translation>保留在本机制作的模型所下载的原始文件</translation>
    </message>
    <message>
        <source>Other sizes of the model can then be made without a new download. They take much disk space.</source>
        <translation>之后无需重新下载即可制作该模型的其他大小。它们占用大量磁盘空间。</translation>
    </message>
    <message>
        <source>Takes some minutes, and disk space for the model in full precision meanwhile.</source>
        <translation>需要几分钟，期间还需要容纳全精度模型的磁盘空间。</translation>
    </message>
    <message>
        <source>Make small models more accurate (importance matrix)</source>
        <translation>让小模型更准确（重要性矩阵）</translation>
    </message>
    <message>
        <source>The model first reads a text to find which of its weights matter most: some minutes to hours. It is for types of four bits and less, such as Q4_K_M; IQ4_XS and Q3_K_M always get it.</source>
        <translation>模型先阅读一段文字，以找出最重要的权重：需要几分钟到几小时。适用于四位及以下的类型，例如 Q4_K_M；IQ4_XS 和 Q3_K_M 始终使用。</translation>
    </message>
</context>
<context>
    <name>GenerationSection</name>
    <message>
        <source>Generation speed over the last two minutes</source>
        <translation>最近两分钟的生成速度</translation>
    </message>
    <message>
        <source>GENERATION</source>
        <translation>生成速度</translation>
    </message>
    <message>
        <source>tok/s, {count} replies; this chat {rate}</source>
        <translation>词元/秒，{count} 个回答；此聊天 {rate}</translation>
    </message>
    <message>
        <source>tok/s, {count} replies</source>
        <translation>词元/秒，{count} 个回答</translation>
    </message>
    <message>
        <source>tok/s</source>
        <translation>词元/秒</translation>
    </message>
    <message>
        <source>tok/s, last reply</source>
        <translation>词元/秒，上次回答</translation>
    </message>
    <message>
        <source>No reply yet</source>
        <translation>尚无回答</translation>
    </message>
    <message>
        <source>Prompt {rate} tok/s</source>
        <translation>提示词 {rate} 词元/秒</translation>
    </message>
    <message>
        <source>First token {duration} s</source>
        <translation>首个词元 {duration} 秒</translation>
    </message>
</context>
<context>
    <name>GgufDialog</name>
    <message>
        <source>Inside {file}</source>
        <translation>{file} 的内容</translation>
    </message>
    <message>
        <source>Tensors</source>
        <translation>张量</translation>
    </message>
    <message>
        <source>Metadata</source>
        <translation>元数据</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copies the selected rows, or all that are shown</source>
        <translation>复制所选的行；未选择时复制显示的全部行</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>{type} · {size} · {parameters} billion parameters in {tensors} tensors · {entries} metadata entries · GGUF version {version}</source>
        <translation>{type} · {size} · {tensors} 个张量，共 {parameters}B 参数 · {entries} 项元数据 · GGUF 版本 {version}</translation>
    </message>
    <message>
        <source>{type} {size} ({share}%)</source>
        <translation>{type} {size}（{share}%）</translation>
    </message>
</context>
<context>
    <name>GgufMetadataTable</name>
    <message>
        <source>Key</source>
        <translation>键</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>值</translation>
    </message>
    <message>
        <source>{count} × {type}: {items}, …</source>
        <translation>{count} × {type}：{items}, …</translation>
    </message>
</context>
<context>
    <name>GgufTensorsTable</name>
    <message>
        <source>Tensor</source>
        <translation>张量</translation>
    </message>
    <message>
        <source>Type</source>
        <translation>类型</translation>
    </message>
    <message>
        <source>Shape</source>
        <translation>形状</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>Share of the file</source>
        <translation>占文件的比例</translation>
    </message>
</context>
<context>
    <name>GpuSection</name>
    <message>
        <source>VRAM · {name}</source>
        <translation>显存 · {name}</translation>
    </message>
    <message>
        <source>of {total} GB</source>
        <translation>/ {total} GB</translation>
    </message>
    <message>
        <source>Stillroom {size} GB</source>
        <translation>Stillroom {size} GB</translation>
    </message>
    <message>
        <source>Memory of {name} over the last two minutes; the dashed line is its limit</source>
        <translation>{name} 最近两分钟的显存占用；虚线为上限</translation>
    </message>
    <message>
        <source>GPU {percent}%</source>
        <translation>GPU {percent}%</translation>
    </message>
    <message>
        <source>GPU –</source>
        <translation>GPU –</translation>
    </message>
    <message>
        <source>{degrees} °C</source>
        <translation>{degrees} °C</translation>
    </message>
    <message>
        <source>– °C</source>
        <translation>– °C</translation>
    </message>
    <message>
        <source>{watts} W</source>
        <translation>{watts} W</translation>
    </message>
    <message>
        <source>– W</source>
        <translation>– W</translation>
    </message>
    <message>
        <source>The card&apos;s driver does not tell this.</source>
        <translation>显卡驱动未提供此项。</translation>
    </message>
</context>
<context>
    <name>GpuSections</name>
    <message>
        <source>VRAM</source>
        <translation>显存</translation>
    </message>
    <message>
        <source>Asking NVIDIA&apos;s driver …</source>
        <translation>正在查询 NVIDIA 驱动…</translation>
    </message>
    <message>
        <source>No NVIDIA driver found. Other cards are shown while the engine runs.</source>
        <translation>未找到 NVIDIA 驱动。其他显卡在引擎运行时显示。</translation>
    </message>
    <message>
        <source>No graphics card found: no NVIDIA driver, and the engine lists no other card.</source>
        <translation>未找到显卡：没有 NVIDIA 驱动，引擎也未列出其他显卡。</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s driver {version} is installed, but it sees no card.</source>
        <translation>已安装 NVIDIA 驱动 {version}，但它没有检测到显卡。</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s driver answers with an error: {reason}</source>
        <translation>NVIDIA 驱动返回错误：{reason}</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s driver does not answer. A restart of the computer usually helps.</source>
        <translation>NVIDIA 驱动没有响应。重启电脑通常可以解决。</translation>
    </message>
    <message>
        <source>The graphics card is left asleep until a model is loaded.</source>
        <translation>在加载模型之前，显卡保持休眠。</translation>
    </message>
</context>
<context>
    <name>HostSection</name>
    <message>
        <source>RAM –</source>
        <translation>内存 –</translation>
    </message>
    <message>
        <source>CPU –</source>
        <translation>CPU –</translation>
    </message>
    <message>
        <source>MEMORY AND CPU</source>
        <translation>内存与 CPU</translation>
    </message>
    <message>
        <source>RAM {used} of {total} GB</source>
        <translation>内存 {used} / {total} GB</translation>
    </message>
    <message>
        <source>Stillroom {size} GB</source>
        <translation>Stillroom {size} GB</translation>
    </message>
    <message>
        <source>{size} GB · {percent}%</source>
        <translation>{size} GB · {percent}%</translation>
    </message>
    <message>
        <source>Memory, and share of all processor cores, of {part}</source>
        <translation>{part}占用的内存，以及占全部处理器核心的比例</translation>
    </message>
    <message>
        <source>Engine</source>
        <translation>引擎</translation>
    </message>
    <message>
        <source>Building a model</source>
        <translation>正在制作模型</translation>
    </message>
    <message>
        <source>Measuring a model</source>
        <translation>正在测量模型</translation>
    </message>
    <message>
        <source>Program in the sandbox</source>
        <translation>沙盒中的程序</translation>
    </message>
    <message>
        <source>Measuring this computer</source>
        <translation>正在测量本机</translation>
    </message>
    <message>
        <source>Checking the graphics card</source>
        <translation>正在检查显卡</translation>
    </message>
    <message>
        <source>Lent to another computer</source>
        <translation>借给另一台电脑</translation>
    </message>
    <message>
        <source>Window</source>
        <translation>窗口</translation>
    </message>
    <message>
        <source>CPU {percent}%</source>
        <translation>CPU {percent}%</translation>
    </message>
    <message>
        <source>Stillroom {percent}%</source>
        <translation>Stillroom {percent}%</translation>
    </message>
</context>
<context>
    <name>HtmlPreview</name>
    <message>
        <source>Preview without scripts</source>
        <translation>不运行脚本的预览</translation>
    </message>
    <message>
        <source>The page</source>
        <translation>页面</translation>
    </message>
    <message>
        <source>A simple picture of the page: scripts do not run, nothing is loaded from the network, and much of its style is not drawn.</source>
        <translation>页面的简单画面：不运行脚本，不从网络加载任何内容，许多样式不会显示。</translation>
    </message>
    <message>
        <source>The page is long: this is its beginning.</source>
        <translation>页面很长：这里只显示开头部分。</translation>
    </message>
    <message>
        <source>The link leads to {address}. It is not opened.</source>
        <translation>该链接指向 {address}。不会打开。</translation>
    </message>
</context>
<context>
    <name>HuggingFacePage</name>
    <message>
        <source>Access token</source>
        <translation>访问令牌</translation>
    </message>
    <message>
        <source>Most models need none. Private ones, and those whose terms you accepted on their page, come only with a token of your account: make one that may read at huggingface.co/settings/tokens.</source>
        <translation>大多数模型不需要令牌。私有模型以及需在其页面接受条款的模型，只有使用你账户的令牌才能获取：请在 huggingface.co/settings/tokens 创建一个有读取权限的令牌。</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Remove the access token</source>
        <translation>移除访问令牌</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>HF_TOKEN is set in the environment ({token}): it is used, whatever is kept here.</source>
        <translation>环境变量 HF_TOKEN 已设置（{token}）：无论这里保存了什么，都使用它。</translation>
    </message>
    <message>
        <source>Mirror and proxy</source>
        <translation>镜像与代理</translation>
    </message>
    <message>
        <source>Mirror</source>
        <translation>镜像</translation>
    </message>
    <message>
        <source>The system&apos;s own</source>
        <translation>使用系统代理</translation>
    </message>
    <message>
        <source>Proxy</source>
        <translation>代理</translation>
    </message>
    <message>
        <source>HF_ENDPOINT is set in the environment ({address}): it is used as the mirror.</source>
        <translation>环境变量 HF_ENDPOINT 已设置（{address}）：它将用作镜像。</translation>
    </message>
    <message>
        <source>Check</source>
        <translation>检查</translation>
    </message>
    <message>
        <source>Check token, mirror and proxy</source>
        <translation>检查令牌、镜像和代理</translation>
    </message>
    <message>
        <source>Asks the hub whose the token is. Nothing else is sent.</source>
        <translation>向模型库查询令牌属于谁。不发送其他内容。</translation>
    </message>
    <message>
        <source>The token is removed.</source>
        <translation>令牌已移除。</translation>
    </message>
    <message>
        <source>{token} is kept in this computer&apos;s key store.</source>
        <translation>{token} 保存在本机的密钥库中。</translation>
    </message>
    <message>
        <source>No token is kept.</source>
        <translation>没有保存令牌。</translation>
    </message>
    <message>
        <source>Paste a token first</source>
        <translation>请先粘贴令牌</translation>
    </message>
    <message>
        <source>The mirror is asked without encryption: whoever is in between can read the token.</source>
        <translation>与镜像的通信未加密：中间的任何人都能读到令牌。</translation>
    </message>
    <message>
        <source>Your token is sent to the mirror too: name only one that you trust with it.</source>
        <translation>你的令牌也会发送给镜像：请只填写你信任的镜像。</translation>
    </message>
    <message>
        <source>The hub is being asked</source>
        <translation>正在查询模型库</translation>
    </message>
    <message>
        <source>Asking…</source>
        <translation>正在询问…</translation>
    </message>
    <message>
        <source>{host} answers. No token is set: public models need none.</source>
        <translation>{host} 有应答。未设置令牌：公开模型不需要。</translation>
    </message>
    <message>
        <source>{host} answers. The token of HF_TOKEN belongs to {name}.</source>
        <translation>{host} 有应答。HF_TOKEN 的令牌属于 {name}。</translation>
    </message>
    <message>
        <source>{host} answers. The token of Hugging Face&apos;s own login on this computer belongs to {name}.</source>
        <translation>{host} 有应答。本机 Hugging Face 登录所用的令牌属于 {name}。</translation>
    </message>
    <message>
        <source>{host} answers. The token belongs to {name}.</source>
        <translation>{host} 有应答。令牌属于 {name}。</translation>
    </message>
</context>
<context>
    <name>InlineNotices</name>
    <message>
        <source>Dismiss: {notice}</source>
        <translation>关闭：{notice}</translation>
    </message>
    <message>
        <source>Dismiss</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>{count} more notices</source>
        <translation>另有 {count} 条通知</translation>
    </message>
    <message>
        <source>Dismiss all</source>
        <translation>全部关闭</translation>
    </message>
</context>
<context>
    <name>JobCard</name>
    <message>
        <source>Pause</source>
        <translation>暂停</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Stop and delete what was downloaded for it</source>
        <translation>停止并删除为此下载的文件</translation>
    </message>
    <message>
        <source>{model} → {types}</source>
        <translation>{model} → {types}</translation>
    </message>
    <message>
        <source>Paused: {what}</source>
        <translation>已暂停：{what}</translation>
    </message>
    <message>
        <source>Stopped: {what}</source>
        <translation>已停止：{what}</translation>
    </message>
    <message>
        <source>Getting {what}</source>
        <translation>正在获取 {what}</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>The disk has space again.</source>
        <translation>磁盘又有空间了。</translation>
    </message>
    <message>
        <source>It can go on; what is there already is used.</source>
        <translation>可以继续：已有的部分会接着使用。</translation>
    </message>
    <message>
        <source>What has arrived is kept.</source>
        <translation>已下载的部分会保留。</translation>
    </message>
    <message>
        <source>{done} of {total}</source>
        <translation>{done} / {total}</translation>
    </message>
    <message>
        <source>{time} left</source>
        <translation>剩余 {time}</translation>
    </message>
    <message>
        <source>Making it smaller (quantising)</source>
        <translation>正在缩小模型（量化）</translation>
    </message>
    <message>
        <source>Finding out which weights matter most (importance matrix)</source>
        <translation>正在找出最重要的权重（重要性矩阵）</translation>
    </message>
    <message>
        <source>Measuring what each type costs each tensor</source>
        <translation>正在测量每种类型对每个张量造成的损失</translation>
    </message>
    <message>
        <source>After a pause or a restart it goes on where it stopped.</source>
        <translation>暂停或重启后会从停下的地方继续。</translation>
    </message>
    <message>
        <source>The files are ready. After a pause or a restart the measurement begins anew.</source>
        <translation>文件已就绪。暂停或重启后测量会重新开始。</translation>
    </message>
    <message>
        <source>Every file is verified by its checksum (SHA-256). A pause or a restart loses nothing.</source>
        <translation>每个文件都用校验和（SHA-256）验证。暂停或重启不会丢失任何内容。</translation>
    </message>
    <message>
        <source>Waits until the models are moved</source>
        <translation>等待模型移动完成</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>正在开始</translation>
    </message>
    <message>
        <source>Downloading</source>
        <translation>正在下载</translation>
    </message>
    <message>
        <source>Verifying</source>
        <translation>正在校验</translation>
    </message>
    <message>
        <source>Converting</source>
        <translation>正在转换</translation>
    </message>
    <message>
        <source>Comparing it with the original</source>
        <translation>正在与原始模型比较</translation>
    </message>
    <message>
        <source>{count} tokens</source>
        <translation>{count} 个词元</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>已暂停</translation>
    </message>
    <message>
        <source>Waits for the job before it</source>
        <translation>等待前一个任务</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>已完成</translation>
    </message>
    <message>
        <source>Asking the server</source>
        <translation>正在查询服务器</translation>
    </message>
</context>
<context>
    <name>JobFollowing</name>
    <message>
        <source>{host} does not answer (attempt {done} of {total}). It is asked again in {time}.</source>
        <translation>{host} 没有响应（第 {done} 次，共 {total} 次），{time}后再次询问。</translation>
    </message>
    <message>
        <source>{model} is not fetched any more.</source>
        <translation>不再获取 {model}。</translation>
    </message>
</context>
<context>
    <name>JobNews</name>
    <message>
        <source>Getting {model} has stopped. {reason}</source>
        <translation>获取 {model} 已中止。{reason}</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>{model} was there already.</source>
        <translation>{model} 此前已有。</translation>
    </message>
    <message>
        <source>{model} is ready.</source>
        <translation>{model} 已就绪。</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>加载</translation>
    </message>
</context>
<context>
    <name>LinkQuestion</name>
    <message>
        <source>Open link</source>
        <translation>打开链接</translation>
    </message>
    <message>
        <source>Open this address in your browser?</source>
        <translation>要在浏览器中打开这个网址吗？</translation>
    </message>
    <message>
        <source>Stillroom does not open addresses of this kind.</source>
        <translation>Stillroom 不会打开这类网址。</translation>
    </message>
</context>
<context>
    <name>LivePanel</name>
    <message>
        <source>Live</source>
        <translation>实时</translation>
    </message>
    <message>
        <source>Collapse the live panel</source>
        <translation>收起实时面板</translation>
    </message>
    <message>
        <source>a model is being loaded</source>
        <translation>正在加载模型</translation>
    </message>
    <message>
        <source>nothing is loaded in this step</source>
        <translation>这一步没有加载模型</translation>
    </message>
    <message>
        <source>a model comes in a moment</source>
        <translation>模型即将加载</translation>
    </message>
    <message>
        <source>Stillroom checks this model for drift.</source>
        <translation>Stillroom 正在检查此模型的漂移。</translation>
    </message>
    <message>
        <source>The settings of this model are being tuned.</source>
        <translation>正在为此模型寻找最快的设置。</translation>
    </message>
    <message>
        <source>A benchmark runs.</source>
        <translation>基准测试正在进行。</translation>
    </message>
    <message>
        <source>Open the live panel</source>
        <translation>展开实时面板</translation>
    </message>
</context>
<context>
    <name>LoadForm</name>
    <message>
        <source>off</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>up to {times}×</source>
        <translation>最多 {times} 倍</translation>
    </message>
    <message>
        <source>copied into memory</source>
        <translation>复制到内存</translation>
    </message>
    <message>
        <source>read through the file</source>
        <translation>通过文件读取</translation>
    </message>
    <message>
        <source>never</source>
        <translation>从不</translation>
    </message>
    <message>
        <source> min</source>
        <translation> 分钟</translation>
    </message>
    <message>
        <source>from what was said before</source>
        <translation>根据此前的文字</translation>
    </message>
    <message>
        <source>by {model}</source>
        <translation>由 {model}</translation>
    </message>
    <message>
        <source>CONTEXT AND MEMORY</source>
        <translation>上下文与内存</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>How much of a chat the model can see at once, in tokens (a word has one or two). More needs more memory.</source>
        <translation>模型一次能看到的聊天长度，以词元计（一个词约一到两个）。越多占用内存越多。</translation>
    </message>
    <message>
        <source>Beyond its limit</source>
        <translation>超出模型上限</translation>
    </message>
    <message>
        <source>Lets the context be longer than the model was made for (YaRN); it then reads less exactly.</source>
        <translation>让上下文超出模型原本的长度（YaRN）；此时阅读的精度会降低。</translation>
    </message>
    <message>
        <source>Cache type</source>
        <translation>缓存类型</translation>
    </message>
    <message>
        <source>How exactly the context is kept in memory (KV cache): q8_0 takes half the memory of f16 at a hardly measurable loss, q4_0 a quarter at some loss.</source>
        <translation>上下文在内存中保存的精确程度（KV 缓存）：q8_0 占用 f16 一半的内存，损失几乎无法察觉；q4_0 占用四分之一，有一定损失。</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>A copy is read faster on the processor. It needs ample memory.</source>
        <translation>在处理器上读取副本更快，但需要充足的内存。</translation>
    </message>
    <message>
        <source>Replies side by side</source>
        <translation>同时进行的回答</translation>
    </message>
    <message>
        <source>How many chats can be answered at once. Each takes the memory of a whole context.</source>
        <translation>可以同时回答多少个聊天。每个都占用一整个上下文的内存。</translation>
    </message>
    <message>
        <source>Give memory back after</source>
        <translation>归还内存的时间</translation>
    </message>
    <message>
        <source>Without use, for all models. They come back by themselves with the next message.</source>
        <translation>闲置多久后释放，对所有模型有效。发送下一条消息时会自动重新加载。</translation>
    </message>
    <message>
        <source>SPEED</source>
        <translation>速度</translation>
    </message>
    <message>
        <source>GPU layers</source>
        <translation>GPU 层数</translation>
    </message>
    <message>
        <source>How many layers of the model the graphics card computes; the others run on the processor. Automatic takes as many as fit.</source>
        <translation>由显卡计算模型的多少层；其余在处理器上运行。“自动”会放入能容纳的全部层。</translation>
    </message>
    <message>
        <source>Graphics cards</source>
        <translation>显卡</translation>
    </message>
    <message>
        <source>Automatic takes one where the model fits, and shares it among several where not.</source>
        <translation>自动：模型放得下时只用一块，放不下时由多块分担。</translation>
    </message>
    <message>
        <source>Main card</source>
        <translation>主显卡</translation>
    </message>
    <message>
        <source>It is taken first. Automatic takes the fastest.</source>
        <translation>优先使用这一块。自动选择最快的。</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>线程数</translation>
    </message>
    <message>
        <source>For replies. Automatic takes one for each physical core.</source>
        <translation>用于生成回答。“自动”按物理核心数。</translation>
    </message>
    <message>
        <source>Threads for prompts</source>
        <translation>处理提示词的线程数</translation>
    </message>
    <message>
        <source>Automatic takes as many as for replies.</source>
        <translation>“自动”与生成回答的线程数相同。</translation>
    </message>
    <message>
        <source>Batch</source>
        <translation>批大小</translation>
    </message>
    <message>
        <source>How many tokens of a message are read in one step. More is faster and needs more memory.</source>
        <translation>一步读取消息中的多少个词元。越多越快，占用内存也越多。</translation>
    </message>
    <message>
        <source>Flash attention</source>
        <translation>Flash attention</translation>
    </message>
    <message>
        <source>Less memory, and faster on graphics cards; slower in long chats on the processor.</source>
        <translation>占用内存较少，在显卡上更快；在处理器上，长聊天会较慢。</translation>
    </message>
    <message>
        <source>Guess ahead</source>
        <translation>预测后续词元</translation>
    </message>
    <message>
        <source>Writes several words in one step where a guess was right (speculative decoding). The text stays the same.</source>
        <translation>猜对时一步写出多个词（推测解码）。文字保持不变。</translation>
    </message>
    <message>
        <source>Not measured for this model yet. It takes less than two minutes.</source>
        <translation>尚未对此模型测量。用时不到两分钟。</translation>
    </message>
    <message>
        <source>Automatic values are the fastest, as measured on {date}.</source>
        <translation>“自动”值是 {date} 测得的最快值。</translation>
    </message>
    <message>
        <source>Show the table</source>
        <translation>显示表格</translation>
    </message>
    <message>
        <source>Find the fastest</source>
        <translation>寻找最快设置</translation>
    </message>
</context>
<context>
    <name>LoadSettingsDialog</name>
    <message>
        <source>New models</source>
        <translation>新模型</translation>
    </message>
    <message>
        <source>How new models are loaded</source>
        <translation>新模型的加载方式</translation>
    </message>
    <message>
        <source>How {model} is loaded</source>
        <translation>{model} 的加载方式</translation>
    </message>
    <message>
        <source>Try again from the start</source>
        <translation>从头再试</translation>
    </message>
    <message>
        <source>Memory was too short for this model, so it is loaded with less than these settings ask for.</source>
        <translation>内存不足以加载此模型，因此实际加载的少于这些设置所要求的。</translation>
    </message>
    <message>
        <source>Back to defaults</source>
        <translation>恢复默认设置</translation>
    </message>
    <message>
        <source>Use as default for new models</source>
        <translation>用作新模型的默认设置</translation>
    </message>
    <message>
        <source>The models that are here already stay as they are.</source>
        <translation>已有的模型保持不变。</translation>
    </message>
    <message>
        <source>Apply</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Apply and load again</source>
        <translation>应用并重新加载</translation>
    </message>
</context>
<context>
    <name>LoadedLine</name>
    <message>
        <source>Loading {percent}%</source>
        <translation>正在加载 {percent}%</translation>
    </message>
    <message>
        <source>Not on this computer: on {host}. Its speed is measured from here.</source>
        <translation>不在本机上：位于 {host}。其速度从本机测得。</translation>
    </message>
    <message>
        <source>{on_gpu} of {layers} layers on the GPU</source>
        <translation>{layers} 层中有 {on_gpu} 层在 GPU 上</translation>
    </message>
    <message>
        <source>All {layers} layers on the processor, {threads} threads</source>
        <translation>全部 {layers} 层在处理器上，{threads} 个线程</translation>
    </message>
    <message>
        <source>Also loaded: {models}</source>
        <translation>同时加载：{models}</translation>
    </message>
    <message>
        <source>It was not used for a while, so its memory is free again. The next message loads it by itself.</source>
        <translation>它有一段时间未被使用，因此已释放内存。下一条消息会自动重新加载它。</translation>
    </message>
    <message>
        <source>Measuring…</source>
        <translation>正在测量…</translation>
    </message>
    <message>
        <source>Nothing is loaded in this step.</source>
        <translation>这一步不加载模型。</translation>
    </message>
    <message>
        <source>Starting…</source>
        <translation>正在启动…</translation>
    </message>
    <message>
        <source>No model loaded</source>
        <translation>未加载模型</translation>
    </message>
    <message>
        <source>Choose one above to start.</source>
        <translation>请在上方选择一个。</translation>
    </message>
    <message>
        <source>{model} could not be loaded</source>
        <translation>无法加载 {model}</translation>
    </message>
    <message>
        <source>The engine stopped</source>
        <translation>引擎已停止</translation>
    </message>
</context>
<context>
    <name>LongReplies</name>
    <message>
        <source>The reply is complete.</source>
        <translation>回答已完成。</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Add to the models</source>
        <translation>添加到模型</translation>
    </message>
    <message>
        <source>How the model is loaded</source>
        <translation>模型加载方式</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Choose the model</source>
        <translation>选择模型</translation>
    </message>
    <message>
        <source>Commands</source>
        <translation>命令</translation>
    </message>
    <message>
        <source>Next part of the window</source>
        <translation>窗口的下一部分</translation>
    </message>
    <message>
        <source>Part of the window before</source>
        <translation>窗口的上一部分</translation>
    </message>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>键盘快捷键</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>退出</translation>
    </message>
</context>
<context>
    <name>MakeRoomDialog</name>
    <message>
        <source>Make room on the disk</source>
        <translation>腾出磁盘空间</translation>
    </message>
    <message>
        <source>Looking for what can be deleted…</source>
        <translation>正在查找可以删除的内容…</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>There is nothing of Stillroom&apos;s own to delete on this disk.</source>
        <translation>此磁盘上没有 Stillroom 自己的内容可以删除。</translation>
    </message>
    <message>
        <source>The disk of {folder} has {free} free. What is ticked is deleted for good.</source>
        <translation>{folder} 所在的磁盘有 {free} 可用空间。勾选的内容将被永久删除。</translation>
    </message>
    <message>
        <source>{model}: a model, to be got again</source>
        <translation>{model}：模型，以后可以重新获取</translation>
    </message>
    <message>
        <source>{model}: an unfinished download or build</source>
        <translation>{model}：未完成的下载或构建</translation>
    </message>
    <message>
        <source>{model}: original weights, for making further types</source>
        <translation>{model}：原始权重，用于制作其他类型</translation>
    </message>
    <message>
        <source>Models that you have deleted since the start</source>
        <translation>本次启动后你删除的模型</translation>
    </message>
    <message>
        <source>What models have read of chats: they read it again</source>
        <translation>模型读过的聊天内容：需要时会重新读取</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s libraries, to be got again</source>
        <translation>NVIDIA 的库，以后可以重新获取</translation>
    </message>
    <message>
        <source>Older logs</source>
        <translation>较早的日志</translation>
    </message>
    <message>
        <source>Delete {size} for good</source>
        <translation>永久删除 {size}</translation>
    </message>
    <message>
        <source>Delete for good</source>
        <translation>永久删除</translation>
    </message>
</context>
<context>
    <name>MatrixCard</name>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Delete the importance matrix</source>
        <translation>删除重要性矩阵</translation>
    </message>
    <message>
        <source>IMPORTANCE MATRIX</source>
        <translation>重要性矩阵</translation>
    </message>
    <message>
        <source>It says which weights of this model matter most, so that small sizes of it stay accurate. Made with {type} from {chunks} pieces of {text}; {size}. The next small size of this model uses it.</source>
        <translation>它记录此模型中哪些权重最重要，使小尺寸的版本保持准确。用 {type} 由{text}的 {chunks} 个片段制成；{size}。下次制作此模型的小尺寸版本时会使用它。</translation>
    </message>
</context>
<context>
    <name>MeasuringPage</name>
    <message>
        <source>The model is being measured. Wait until that is done.</source>
        <translation>正在测量此模型，请等待测量完成。</translation>
    </message>
    <message>
        <source>The model is being loaded.</source>
        <translation>正在加载模型。</translation>
    </message>
    <message>
        <source>Load a model first</source>
        <translation>请先加载模型</translation>
    </message>
    <message>
        <source>A reply is being written. Stop it or wait for it, then run.</source>
        <translation>正在生成回答。请先停止或等待其结束，再运行。</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>The measurement has stopped. {reason}</source>
        <translation>测量已停止。{reason}</translation>
    </message>
</context>
<context>
    <name>MemoryNeedView</name>
    <message>
        <source>VRAM</source>
        <translation>显存</translation>
    </message>
    <message>
        <source>RAM</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Load a model to see what it needs.</source>
        <translation>加载一个模型即可看到它需要多少。</translation>
    </message>
    <message>
        <source>Working out what it needs…</source>
        <translation>正在估算所需内存…</translation>
    </message>
    <message>
        <source>{context:,} tokens of context for each of {sequences} replies, cache in {cache}, {on_gpu} of {layers} layers on the GPU, threads: {threads}.</source>
        <translation>{sequences} 个回答各 {context:,} 个词元的上下文，缓存为 {cache}，{layers} 层中有 {on_gpu} 层在 GPU 上，线程数：{threads}。</translation>
    </message>
    <message>
        <source>{context:,} tokens of context for each of {sequences} replies, cache in {cache}, everything on the processor, threads: {threads}.</source>
        <translation>{sequences} 个回答各 {context:,} 个词元的上下文，缓存为 {cache}，全部在处理器上，线程数：{threads}。</translation>
    </message>
    <message>
        <source>{needed} of {free} free</source>
        <translation>需要 {needed}，可用 {free}</translation>
    </message>
    <message>
        <source>{needed} of {free} free, {spare} of which other programs need</source>
        <translation>需要 {needed}，空闲 {free}，其中 {spare} 要留给其他程序</translation>
    </message>
</context>
<context>
    <name>MentionList</name>
    <message>
        <source>Files to name in the question</source>
        <translation>可在问题中指定的文件</translation>
    </message>
</context>
<context>
    <name>ModelActions</name>
    <message>
        <source>Load</source>
        <translation>加载</translation>
    </message>
    <message>
        <source>Use</source>
        <translation>使用</translation>
    </message>
    <message>
        <source>It is loaded already</source>
        <translation>已经加载</translation>
    </message>
    <message>
        <source>It is being loaded</source>
        <translation>正在加载</translation>
    </message>
    <message>
        <source>Look inside…</source>
        <translation>查看内部…</translation>
    </message>
    <message>
        <source>Verify</source>
        <translation>校验</translation>
    </message>
    <message>
        <source>Make another size (quantisation)…</source>
        <translation>制作其他大小（量化类型）…</translation>
    </message>
    <message>
        <source>Show in its folder</source>
        <translation>在文件夹中显示</translation>
    </message>
    <message>
        <source>Take off the list</source>
        <translation>从列表中移除</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>The starter model comes with Stillroom</source>
        <translation>入门模型随 Stillroom 附带</translation>
    </message>
    <message>
        <source>Nothing of this model is on this computer</source>
        <translation>本机没有此模型的文件</translation>
    </message>
    <message>
        <source>Take {model} off the list</source>
        <translation>将 {model} 移出列表</translation>
    </message>
    <message>
        <source>Delete {model}</source>
        <translation>删除 {model}</translation>
    </message>
    <message>
        <source>{count} models were added. Their files stay where they are.</source>
        <translation>已添加 {count} 个模型。其文件留在原处。</translation>
    </message>
    <message>
        <source>{model} was added. Its file stays where it is.</source>
        <translation>已添加 {model}。其文件留在原处。</translation>
    </message>
</context>
<context>
    <name>ModelChoice</name>
    <message>
        <source>{model} had made room for it, and is loaded again.</source>
        <translation>{model} 曾为它让出内存，现在正重新加载。</translation>
    </message>
</context>
<context>
    <name>ModelDeleter</name>
    <message>
        <source>A model is being measured. Delete this one when that is done.</source>
        <translation>正在测量一个模型。请等测量结束后再删除。</translation>
    </message>
    <message>
        <source>{model} was deleted.</source>
        <translation>已删除 {model}。</translation>
    </message>
    <message>
        <source>{model} is off the list. Its file stays where it lies.</source>
        <translation>{model} 已移出列表。其文件仍在原处。</translation>
    </message>
</context>
<context>
    <name>ModelDetail</name>
    <message>
        <source>Tick what to get</source>
        <translation>勾选要获取的类型</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>加载</translation>
    </message>
    <message>
        <source>Load anyway</source>
        <translation>仍然加载</translation>
    </message>
    <message>
        <source>Load {model}</source>
        <translation>加载 {model}</translation>
    </message>
    <message>
        <source>Load {model} anyway</source>
        <translation>仍然加载 {model}</translation>
    </message>
    <message>
        <source>Loading…</source>
        <translation>正在加载…</translation>
    </message>
    <message>
        <source>Use</source>
        <translation>使用</translation>
    </message>
    <message>
        <source>Use {model}</source>
        <translation>使用 {model}</translation>
    </message>
    <message>
        <source>It is loaded already</source>
        <translation>已经加载</translation>
    </message>
    <message>
        <source>It is being loaded</source>
        <translation>正在加载</translation>
    </message>
    <message>
        <source>Show {model} in its folder</source>
        <translation>在文件夹中显示 {model}</translation>
    </message>
    <message>
        <source>Delete {model}</source>
        <translation>删除 {model}</translation>
    </message>
    <message>
        <source>Take {model} off the list</source>
        <translation>将 {model} 移出列表</translation>
    </message>
    <message>
        <source>The starter model comes with Stillroom</source>
        <translation>入门模型随 Stillroom 附带</translation>
    </message>
    <message>
        <source>More for {model}</source>
        <translation>{model} 的更多操作</translation>
    </message>
    <message>
        <source>{reason} Loaded anyway, parts of it are read from the disk again and again: a reply can take minutes, and other programs may become slow or be ended by the system.</source>
        <translation>{reason}如果仍然加载，模型的一部分会反复从磁盘读取：一次回答可能要几分钟，其他程序可能变慢或被系统结束。</translation>
    </message>
    <message>
        <source>Load with {tokens} tokens of context</source>
        <translation>以 {tokens} 个词元的上下文加载</translation>
    </message>
    <message>
        <source>Loaded</source>
        <translation>已加载</translation>
    </message>
    <message>
        <source>Comes with Stillroom</source>
        <translation>随 Stillroom 附带</translation>
    </message>
    <message>
        <source>Stays where it is: {path}</source>
        <translation>保留在原位置：{path}</translation>
    </message>
    <message>
        <source>On disk</source>
        <translation>已下载</translation>
    </message>
    <message>
        <source>On disk, with importance matrix</source>
        <translation>已下载，使用重要性矩阵</translation>
    </message>
    <message>
        <source>Get {type}</source>
        <translation>获取 {type}</translation>
    </message>
    <message>
        <source>On its way</source>
        <translation>正在获取</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>已停止</translation>
    </message>
    <message>
        <source>Get {count} files · {size} to download</source>
        <translation>获取 {count} 个文件 · 需下载 {size}</translation>
    </message>
    <message>
        <source>Best for this PC · {quality}</source>
        <translation>最适合本机 · {quality}</translation>
    </message>
    <message>
        <source>From {repo}</source>
        <translation>来自 {repo}</translation>
    </message>
    <message>
        <source>Added from this computer</source>
        <translation>从本机添加</translation>
    </message>
    <message>
        <source>{count} billion parameters</source>
        <translation>{count}B 参数</translation>
    </message>
    <message>
        <source>from {base}</source>
        <translation>基于 {base}</translation>
    </message>
    <message>
        <source>context up to {tokens} tokens</source>
        <translation>上下文最多 {tokens} 个词元</translation>
    </message>
    <message>
        <source>licence: {licence}</source>
        <translation>许可证：{licence}</translation>
    </message>
    <message>
        <source>one of {size}</source>
        <translation>一个 {size} 的文件</translation>
    </message>
    <message>
        <source>Tick at least one type above</source>
        <translation>请在上方至少勾选一种类型</translation>
    </message>
    <message>
        <source>Get {types} · {size} to download</source>
        <translation>获取 {types} · 需下载 {size}</translation>
    </message>
    <message>
        <source>Published: {scores}</source>
        <translation>公布的成绩：{scores}</translation>
    </message>
</context>
<context>
    <name>ModelMatrix</name>
    <message>
        <source>The importance matrix of {model} was deleted.</source>
        <translation>{model} 的重要性矩阵已删除。</translation>
    </message>
</context>
<context>
    <name>ModelPicker</name>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Cancel loading</source>
        <translation>取消加载</translation>
    </message>
    <message>
        <source>Servers elsewhere…</source>
        <translation>其他地方的服务器…</translation>
    </message>
    <message>
        <source>Not on this computer: {host}</source>
        <translation>不在本机上：{host}</translation>
    </message>
    <message>
        <source>Unload and free its memory</source>
        <translation>卸载模型并释放内存</translation>
    </message>
    <message>
        <source>Get more models…</source>
        <translation>获取更多模型…</translation>
    </message>
    <message>
        <source>Choose the model that answers</source>
        <translation>选择用来回答的模型</translation>
    </message>
    <message>
        <source>loaded · {memory}</source>
        <translation>已加载 · {memory}</translation>
    </message>
    <message>
        <source>Other models</source>
        <translation>其他模型</translation>
    </message>
    <message>
        <source>No model is loaded</source>
        <translation>没有加载模型</translation>
    </message>
    <message>
        <source>Unload and free memory</source>
        <translation>卸载并释放内存</translation>
    </message>
    <message>
        <source>All models</source>
        <translation>所有模型</translation>
    </message>
    <message>
        <source>Loading {model}, {percent}%</source>
        <translation>正在加载 {model}，{percent}%</translation>
    </message>
    <message>
        <source>{model} on {host}</source>
        <translation>{host} 上的 {model}</translation>
    </message>
    <message>
        <source>Measuring…</source>
        <translation>正在测量…</translation>
    </message>
    <message>
        <source>Starting…</source>
        <translation>正在启动…</translation>
    </message>
    <message>
        <source>Choose a model</source>
        <translation>选择模型</translation>
    </message>
</context>
<context>
    <name>ModelQuality</name>
    <message>
        <source>The perplexity of {model} is {loss}% higher than its original&apos;s, more than the {limit}% that you allow. A larger size stays closer to it.</source>
        <translation>{model} 的困惑度比原始模型高 {loss}%，超过你允许的 {limit}%。更大的尺寸会更接近原始模型。</translation>
    </message>
</context>
<context>
    <name>ModelsFolderCard</name>
    <message>
        <source>Where your models are</source>
        <translation>模型所在位置</translation>
    </message>
    <message>
        <source>Progress of the move</source>
        <translation>移动进度</translation>
    </message>
    <message>
        <source>Move the models…</source>
        <translation>移动模型…</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>Go on</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Stop, and delete what was copied; the models stay where they are</source>
        <translation>停止并删除已复制的内容；模型留在原处</translation>
    </message>
    <message>
        <source>Take it back</source>
        <translation>撤回</translation>
    </message>
    <message>
        <source>Delete what was copied; the models stay where they are</source>
        <translation>删除已复制的内容；模型留在原处</translation>
    </message>
    <message>
        <source>Choose an empty folder for the models</source>
        <translation>为模型选择一个空文件夹</translation>
    </message>
    <message>
        <source>The move to {folder} was interrupted. The models are all here still.</source>
        <translation>移动到 {folder} 的过程被中断。所有模型仍在这里。</translation>
    </message>
    <message>
        <source>{size} of models; {free} are free on this disk. They can be moved to another one: they are copied, compared, and only then deleted here.</source>
        <translation>模型共 {size}；此磁盘可用 {free}。可以把它们移到另一个磁盘：先复制、比对，然后才在这里删除。</translation>
    </message>
    <message>
        <source>Getting ready…</source>
        <translation>正在准备…</translation>
    </message>
    <message>
        <source>Copying {file}</source>
        <translation>正在复制 {file}</translation>
    </message>
    <message>
        <source>Comparing {file}</source>
        <translation>正在比对 {file}</translation>
    </message>
    <message>
        <source>{step} · {done} of {total}</source>
        <translation>{step} · {done} / {total}</translation>
    </message>
    <message>
        <source>{time} left</source>
        <translation>剩余 {time}</translation>
    </message>
</context>
<context>
    <name>ModelsInUse</name>
    <message>
        <source>A model is being measured: wait for the end, or stop it.</source>
        <translation>正在测量模型：请等它结束，或将其停止。</translation>
    </message>
    <message>
        <source>Unload {models} first: files in use are not moved.</source>
        <translation>请先卸载 {models}：使用中的文件不会被移动。</translation>
    </message>
    <message>
        <source>A model is being loaded: wait until it is there, and unload it.</source>
        <translation>正在加载模型：请等加载完成后再卸载它。</translation>
    </message>
    <message>
        <source>A model is being got: wait for it, or pause it in the Models tab first.</source>
        <translation>正在获取模型：请等待其完成，或先在“模型”页暂停。</translation>
    </message>
</context>
<context>
    <name>ModelsList</name>
    <message>
        <source>Look inside the selected model</source>
        <translation>查看所选模型的内部</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Select a model first</source>
        <translation>请先选择一个模型</translation>
    </message>
</context>
<context>
    <name>ModelsTab</name>
    <message>
        <source>Search Hugging Face</source>
        <translation>搜索 Hugging Face</translation>
    </message>
    <message>
        <source>Get {model}</source>
        <translation>获取 {model}</translation>
    </message>
</context>
<context>
    <name>ModelsTable</name>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>On disk</source>
        <translation>已下载</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>AIME 2024</source>
        <translation>AIME 2024</translation>
    </message>
    <message>
        <source>How well it does mathematics: the published share of the problems of the AIME 2024 competition that it solves at the first try.</source>
        <translation>数学能力：公布的 AIME 2024 竞赛题目一次答对的比例。</translation>
    </message>
    <message>
        <source>On this PC</source>
        <translation>本机运行</translation>
    </message>
    <message>
        <source>getting…</source>
        <translation>正在获取…</translation>
    </message>
    <message>
        <source>stopped</source>
        <translation>已停止</translation>
    </message>
    <message>
        <source>{size} to get</source>
        <translation>需下载 {size}</translation>
    </message>
    <message>
        <source>Loading…</source>
        <translation>正在加载…</translation>
    </message>
    <message>
        <source>Loaded</source>
        <translation>已加载</translation>
    </message>
    <message>
        <source>Could not be loaded: the reason is below</source>
        <translation>无法加载：原因见下方</translation>
    </message>
</context>
<context>
    <name>ModelsView</name>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
</context>
<context>
    <name>Notices</name>
    <message>
        <source>Notice</source>
        <translation>通知</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Show in folder</source>
        <translation>在文件夹中显示</translation>
    </message>
    <message>
        <source>Copy details</source>
        <translation>复制详情</translation>
    </message>
    <message>
        <source>Something went wrong that Stillroom did not expect.</source>
        <translation>发生了 Stillroom 未预料到的错误。</translation>
    </message>
    <message>
        <source>Your chats and models are safe. The report holds no chat text.</source>
        <translation>聊天和模型都安全。报告不含聊天内容。</translation>
    </message>
    <message>
        <source>Copy report</source>
        <translation>复制报告</translation>
    </message>
</context>
<context>
    <name>OffersTable</name>
    <message>
        <source>File or type</source>
        <translation>文件或类型</translation>
    </message>
    <message>
        <source>How</source>
        <translation>方式</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>On this PC</source>
        <translation>本机运行</translation>
    </message>
    <message>
        <source>made of the original weights</source>
        <translation>由原始权重制作</translation>
    </message>
    <message>
        <source>finished file</source>
        <translation>现成文件</translation>
    </message>
    <message>
        <source>about {size}</source>
        <translation>约 {size}</translation>
    </message>
</context>
<context>
    <name>OpenFile</name>
    <message>
        <source>Untitled</source>
        <translation>未命名</translation>
    </message>
</context>
<context>
    <name>OpenFiles</name>
    <message>
        <source>Open files</source>
        <translation>打开文件</translation>
    </message>
    <message>
        <source>Save the file</source>
        <translation>保存文件</translation>
    </message>
    <message>
        <source>Show or hide the folder</source>
        <translation>显示或隐藏文件夹</translation>
    </message>
    <message>
        <source>The list of open files could not be read: {reason}.</source>
        <translation>无法读取已打开文件的列表：{reason}。</translation>
    </message>
    <message>
        <source>{count} files are open, which is the most. Close one first.</source>
        <translation>已打开 {count} 个文件，达到上限。请先关闭一个。</translation>
    </message>
    <message>
        <source>More</source>
        <translation>更多</translation>
    </message>
</context>
<context>
    <name>OtherComputersPage</name>
    <message>
        <source>Other computers</source>
        <translation>其他电脑</translation>
    </message>
    <message>
        <source>They take a part of a model that is too large for this computer. Each runs llama.cpp&apos;s rpc-server; where Stillroom is installed, “stillroom lend” starts it.</source>
        <translation>它们可以分担对本机来说过大的模型。每台都运行 llama.cpp 的 rpc-server；装有 Stillroom 的电脑可用“stillroom lend”启动它。</translation>
    </message>
    <message>
        <source>The connection has neither password nor encryption. Whoever is in the same network can read along and use these computers: do this only in a network that you trust.</source>
        <translation>连接既没有密码也没有加密。同一网络中的任何人都能读取内容并使用这些电脑：请只在可信的网络中这样做。</translation>
    </message>
    <message>
        <source>When other computers help</source>
        <translation>其他电脑何时协助</translation>
    </message>
    <message>
        <source>Only with a model that is too large for this computer</source>
        <translation>仅当模型对本机过大时</translation>
    </message>
    <message>
        <source>With every model</source>
        <translation>对所有模型</translation>
    </message>
    <message>
        <source>Address of the other computer</source>
        <translation>另一台电脑的地址</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>添加</translation>
    </message>
    <message>
        <source>A computer is being asked</source>
        <translation>正在询问一台电脑</translation>
    </message>
    <message>
        <source>Type an address first</source>
        <translation>请先输入地址</translation>
    </message>
    <message>
        <source>Add it all the same</source>
        <translation>仍然添加</translation>
    </message>
    <message>
        <source>{free} of {total} of memory free</source>
        <translation>内存 {total}，可用 {free}</translation>
    </message>
    <message>
        <source>Asking…</source>
        <translation>正在询问…</translation>
    </message>
    <message>
        <source>Outside the local network, allowed by you</source>
        <translation>在本地网络之外，已由你允许</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Remove {address}</source>
        <translation>移除 {address}</translation>
    </message>
</context>
<context>
    <name>OutlookCard</name>
    <message>
        <source>as it is loaded</source>
        <translation>按加载时的设置</translation>
    </message>
    <message>
        <source>{tokens} tokens</source>
        <translation>{tokens} 个词元</translation>
    </message>
    <message>
        <source>Context to judge with</source>
        <translation>用于判断的上下文</translation>
    </message>
    <message>
        <source>Cache type to judge with</source>
        <translation>用于判断的缓存类型</translation>
    </message>
    <message>
        <source>Quantisations on this PC</source>
        <translation>本机上的量化版本</translation>
    </message>
    <message>
        <source>ON THIS PC</source>
        <translation>本机运行</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>Cache</source>
        <translation>缓存</translation>
    </message>
    <message>
        <source>{type}: {reason}</source>
        <translation>{type}：{reason}</translation>
    </message>
    <message>
        <source>When it was loaded with {layers} layers on graphics cards, for {replies} replies at a time, llama.cpp took {ram} of RAM and {card} on the cards.</source>
        <translation>以显卡上 {layers} 层、同时 {replies} 个回答加载时，llama.cpp 占用了 {ram} 内存和 {card} 显存。</translation>
    </message>
</context>
<context>
    <name>OutlookTable</name>
    <message>
        <source>Type</source>
        <translation>类型</translation>
    </message>
    <message>
        <source>Quality</source>
        <translation>质量</translation>
    </message>
    <message>
        <source>By how much more a text surprises it than the original (growth of the perplexity), as published for Llama 3 8B: less is better.</source>
        <translation>与原始模型相比，同一文本让它更意外的程度（困惑度的增长），为 Llama 3 8B 的公开数据：越小越好。</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>Context (KV cache)</source>
        <translation>上下文（KV 缓存）</translation>
    </message>
    <message>
        <source>For what the model remembers of the whole context.</source>
        <translation>模型记住整个上下文所需的内存。</translation>
    </message>
    <message>
        <source>Buffers</source>
        <translation>缓冲区</translation>
    </message>
    <message>
        <source>For the computing itself.</source>
        <translation>计算本身所需的内存。</translation>
    </message>
    <message>
        <source>RAM</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>VRAM</source>
        <translation>显存</translation>
    </message>
    <message>
        <source>Layers on GPU</source>
        <translation>GPU 层数</translation>
    </message>
    <message>
        <source>How many of the model&apos;s layers fit on the graphics cards; the others run on the processor.</source>
        <translation>模型有多少层能放进显卡；其余在处理器上运行。</translation>
    </message>
    <message>
        <source>tok/s</source>
        <translation>词元/秒</translation>
    </message>
    <message>
        <source>On this PC</source>
        <translation>本机运行</translation>
    </message>
    <message>
        <source>Everything in RAM together.</source>
        <translation>内存中的总量。</translation>
    </message>
    <message>
        <source>Everything on graphics cards together.</source>
        <translation>显卡上的总量。</translation>
    </message>
    <message>
        <source>New tokens per second while the context is short.</source>
        <translation>上下文较短时每秒生成的词元数。</translation>
    </message>
</context>
<context>
    <name>PlacementLine</name>
    <message>
        <source>Accepting this defines {names} twice.</source>
        <translation>接受后 {names} 会被定义两次。</translation>
    </message>
    <message>
        <source>Accepting this removes {names}.</source>
        <translation>接受后 {names} 会被移除。</translation>
    </message>
    <message>
        <source>Shown as a change of {lines}: in place of the selection, {names} would be there twice.</source>
        <translation>显示为对{lines}的更改：若替换所选内容，{names} 会出现两次。</translation>
    </message>
    <message>
        <source>Shown as a change of {lines}: in place of the whole text, {names} would be there twice.</source>
        <translation>显示为对{lines}的更改：若替换全文，{names} 会出现两次。</translation>
    </message>
    <message>
        <source>Shown as a change of {lines}: at the cursor, {names} would be there twice.</source>
        <translation>显示为对{lines}的更改：若插入光标处，{names} 会出现两次。</translation>
    </message>
    <message>
        <source>Shown as a change of {lines}: in place of the whole text, {names} would be gone.</source>
        <translation>显示为对{lines}的更改：若替换全文，{names} 会丢失。</translation>
    </message>
    <message>
        <source>Shown as a change of {lines}, which the answer rewrites.</source>
        <translation>显示为对{lines}的更改，回答改写了这些行。</translation>
    </message>
    <message>
        <source>In place of {lines}</source>
        <translation>替换{lines}</translation>
    </message>
    <message>
        <source>In place of the selection</source>
        <translation>替换所选内容</translation>
    </message>
    <message>
        <source>In place of the whole text</source>
        <translation>替换全文</translation>
    </message>
    <message>
        <source>At the cursor</source>
        <translation>在光标处</translation>
    </message>
    <message>
        <source>lines {first} to {last}</source>
        <translation>第 {first} 至 {last} 行</translation>
    </message>
    <message>
        <source>line {first}</source>
        <translation>第 {first} 行</translation>
    </message>
    <message>
        <source>{names} and {count} more</source>
        <translation>{names} 及另外 {count} 个</translation>
    </message>
</context>
<context>
    <name>PromptDialog</name>
    <message>
        <source>Prompt library</source>
        <translation>提示词库</translation>
    </message>
    <message>
        <source>Search prompts</source>
        <translation>搜索提示词</translation>
    </message>
    <message>
        <source>Prompts</source>
        <translation>提示词</translation>
    </message>
    <message>
        <source>Title</source>
        <translation>标题</translation>
    </message>
    <message>
        <source>Prompt</source>
        <translation>提示词</translation>
    </message>
    <message>
        <source>{{name}} is a gap that is asked for, {{name:default}} has a default, {{name:one|two}} a choice.</source>
        <translation>{{name}} 是需要填写的空位，{{name:default}} 带默认值，{{name:one|two}} 是选择项。</translation>
    </message>
    <message>
        <source>More</source>
        <translation>更多</translation>
    </message>
    <message>
        <source>Import prompts…</source>
        <translation>导入提示词…</translation>
    </message>
    <message>
        <source>Export my prompts…</source>
        <translation>导出我的提示词…</translation>
    </message>
    <message>
        <source>New</source>
        <translation>新建</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>编辑</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Insert</source>
        <translation>插入</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Unsaved changes</source>
        <translation>未保存的更改</translation>
    </message>
    <message>
        <source>The prompt is not saved.</source>
        <translation>提示词尚未保存。</translation>
    </message>
    <message>
        <source>If you discard it, it is gone.</source>
        <translation>放弃后将无法恢复。</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>放弃</translation>
    </message>
    <message>
        <source>Go on writing</source>
        <translation>继续编写</translation>
    </message>
    <message>
        <source>It needs a title and a text first</source>
        <translation>请先填写标题和内容</translation>
    </message>
    <message>
        <source>Copy and edit</source>
        <translation>复制并编辑</translation>
    </message>
</context>
<context>
    <name>PromptForm</name>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Insert</source>
        <translation>插入</translation>
    </message>
</context>
<context>
    <name>PromptSuggestions</name>
    <message>
        <source>Prompts</source>
        <translation>提示词</translation>
    </message>
</context>
<context>
    <name>QAbstractFileIconProvider</name>
    <message>
        <source>%1 File</source>
        <translation>%1 文件</translation>
    </message>
    <message>
        <source>Drive</source>
        <translation>驱动器</translation>
    </message>
    <message>
        <source>File</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>File Folder</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>Shortcut</source>
        <translation>快捷方式</translation>
    </message>
    <message>
        <source>Unknown</source>
        <translation>未知</translation>
    </message>
</context>
<context>
    <name>QFileDialog</name>
    <message>
        <source>&amp;Look in:</source>
        <translation>查找范围(&amp;L)：</translation>
    </message>
    <message>
        <source>Files of &amp;type:</source>
        <translation>文件类型(&amp;T)：</translation>
    </message>
</context>
<context>
    <name>QualityCard</name>
    <message>
        <source>Measure</source>
        <translation>测量</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Distance from the original against size</source>
        <translation>与原始模型的差距和大小</translation>
    </message>
    <message>
        <source>The model in full precision is needed for that</source>
        <translation>这需要全精度的模型</translation>
    </message>
    <message>
        <source>Measure · {size} to download</source>
        <translation>测量 · 需下载 {size}</translation>
    </message>
    <message>
        <source>Measure again</source>
        <translation>重新测量</translation>
    </message>
    <message>
        <source>{time} left</source>
        <translation>剩余 {time}</translation>
    </message>
    <message>
        <source>HOW CLOSE TO THE ORIGINAL</source>
        <translation>与原始模型的接近程度</translation>
    </message>
    <message>
        <source>The perplexity of {types} grows by more than the {limit}% that you allow. A larger size stays closer to the original.</source>
        <translation>{types} 的困惑度升高超过你允许的 {limit}%。更大的尺寸会更接近原始模型。</translation>
    </message>
    <message>
        <source>How close each size is to the original</source>
        <translation>各尺寸与原始模型的接近程度</translation>
    </message>
    <message>
        <source>{type} answers the same next word as {reference} {share}% of the time (± {spread}), at {size}% of its size.</source>
        <translation>{type} 有 {share}% 的情况与 {reference} 给出相同的下一个词（± {spread}），大小为其 {size}%。</translation>
    </message>
    <message>
        <source>A difference in its answers is hard to notice.</source>
        <translation>回答的差别很难察觉。</translation>
    </message>
    <message>
        <source>Some sentences are worded otherwise; right answers stay nearly as many.</source>
        <translation>有些句子的措辞不同；正确的回答几乎一样多。</translation>
    </message>
    <message>
        <source>Many sentences are worded otherwise, and long thinking ends wrong more often.</source>
        <translation>许多句子的措辞不同，长时间思考更容易得出错误结果。</translation>
    </message>
    <message>
        <source>It is clearly worse than the original: expect mistakes that the original does not make.</source>
        <translation>明显不如原始模型：它会犯原始模型不会犯的错误。</translation>
    </message>
    <message>
        <source>Not measured. That needs the model in full precision (BF16), which is neither here nor known where to get.</source>
        <translation>尚未测量。需要全精度（BF16）的模型，但它既不在本机，也不知从何处获取。</translation>
    </message>
    <message>
        <source>Not measured yet. The original model is downloaded for that and deleted afterwards.</source>
        <translation>尚未测量。将为此下载原始模型，之后删除。</translation>
    </message>
    <message>
        <source>Not measured yet. This model and its original read the same text, and their predictions are compared.</source>
        <translation>尚未测量。此模型和原始模型会读取同一段文字，然后比较它们的预测。</translation>
    </message>
    <message>
        <source>Measured against {reference} on {tokens} tokens of {text}; ± is the 95% confidence interval.</source>
        <translation>与 {reference} 比较，使用 {text}的 {tokens} 个词元；± 为 95% 置信区间。</translation>
    </message>
    <message>
        <source>Downloading the original model</source>
        <translation>正在下载原始模型</translation>
    </message>
    <message>
        <source>Both models read the text</source>
        <translation>两个模型正在读取文字</translation>
    </message>
    <message>
        <source>Preparing the original model</source>
        <translation>正在准备原始模型</translation>
    </message>
    <message>
        <source>Full precision did not fit into memory, so its speed is the disk&apos;s.</source>
        <translation>全精度模型放不进内存，因此它的速度受磁盘限制。</translation>
    </message>
    <message>
        <source>working out how long it takes</source>
        <translation>正在估算所需时间</translation>
    </message>
</context>
<context>
    <name>QualityComparisonCard</name>
    <message>
        <source>The runs have no question in common.</source>
        <translation>这些运行没有共同的题目。</translation>
    </message>
    <message>
        <source>better</source>
        <translation>更好</translation>
    </message>
    <message>
        <source>worse</source>
        <translation>更差</translation>
    </message>
    <message>
        <source>within chance</source>
        <translation>在偶然范围内</translation>
    </message>
    <message>
        <source>not conclusive, too few items</source>
        <translation>无法下结论，题目太少</translation>
    </message>
    <message>
        <source>Only the questions that these runs have in common count. A change that chance alone makes in less than 5% of such comparisons is called better or worse.</source>
        <translation>只计入这些运行共有的题目。仅凭偶然在不到 5% 的此类比较中才会出现的变化，才称为更好或更差。</translation>
    </message>
    <message>
        <source>In brackets: how many questions became right, and how many no longer are.</source>
        <translation>括号内：多答对的题数，以及不再答对的题数。</translation>
    </message>
    <message>
        <source>Not drawn like the first run&apos;s replies, so a change may come from that: {runs}</source>
        <translation>采样方式与第一次运行的回答不同，变化可能由此而来：{runs}</translation>
    </message>
    <message>
        <source>items</source>
        <translation>题目数</translation>
    </message>
    <message>
        <source>{change} points</source>
        <translation>{change} 个百分点</translation>
    </message>
    <message>
        <source>{change}%</source>
        <translation>{change}%</translation>
    </message>
    <message>
        <source>{verdict} (+{gained}, −{lost})</source>
        <translation>{verdict}（+{gained}，−{lost}）</translation>
    </message>
    <message>
        <source>{figure}: {kept}</source>
        <translation>{figure}：{kept}</translation>
    </message>
    <message>
        <source>Keeps {share}% ({low} to {high}) of the right answers</source>
        <translation>保留了 {share}%（{low} 至 {high}）的正确答案</translation>
    </message>
    <message>
        <source>{gained} more right, {lost} no longer</source>
        <translation>多对 {gained} 题，{lost} 题不再答对</translation>
    </message>
    <message>
        <source>p = {p}, corrected for the number of changes</source>
        <translation>p = {p}，已按变化的数目校正</translation>
    </message>
</context>
<context>
    <name>QualityFigureCard</name>
    <message>
        <source>not conclusive</source>
        <translation>无法下结论</translation>
    </message>
    <message>
        <source>The interval is too wide to tell models apart. More items make it narrower.</source>
        <translation>区间太宽，无法区分模型。题目更多时区间会变窄。</translation>
    </message>
</context>
<context>
    <name>QualityHead</name>
    <message>
        <source>Run the quality suite</source>
        <translation>运行质量测试</translation>
    </message>
    <message>
        <source>How many questions</source>
        <translation>题目数量</translation>
    </message>
    <message>
        <source>Short: 5 of each kind</source>
        <translation>短：每类 5 题</translation>
    </message>
    <message>
        <source>Medium: 15 of each kind</source>
        <translation>中：每类 15 题</translation>
    </message>
    <message>
        <source>All questions</source>
        <translation>全部题目</translation>
    </message>
    <message>
        <source>Start anew</source>
        <translation>重新开始</translation>
    </message>
    <message>
        <source>Own questions</source>
        <translation>自带的题目</translation>
    </message>
    <message>
        <source>Questions</source>
        <translation>题目</translation>
    </message>
    <message>
        <source>What is asked: Stillroom&apos;s own questions, or data sets</source>
        <translation>所问内容：Stillroom 自带的题目，或数据集</translation>
    </message>
    <message>
        <source>{name} from the hub, licence {licence}</source>
        <translation>来自模型库的 {name}，许可证 {licence}</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>正在运行</translation>
    </message>
    <message>
        <source>Go on</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Results of the run that was stopped: {count}</source>
        <translation>已停止的测试保留的结果：{count}</translation>
    </message>
    <message>
        <source>Asks {model}, and judges the answers</source>
        <translation>向 {model} 提问，并判定其回答</translation>
    </message>
    <message>
        <source>Data sets: {count}</source>
        <translation>数据集：{count}</translation>
    </message>
</context>
<context>
    <name>QualityItemView</name>
    <message>
        <source>The chosen item</source>
        <translation>所选的题目</translation>
    </message>
    <message>
        <source>Choose an item to see its prompt and answer.</source>
        <translation>选择一道题目以查看其提示词和回答。</translation>
    </message>
    <message>
        <source>ROUGE-L {rouge}, BLEU {bleu}</source>
        <translation>ROUGE-L {rouge}，BLEU {bleu}</translation>
    </message>
    <message>
        <source>VERDICT</source>
        <translation>判定</translation>
    </message>
    <message>
        <source>READ AS</source>
        <translation>识别为</translation>
    </message>
    <message>
        <source>PROMPT</source>
        <translation>提示词</translation>
    </message>
    <message>
        <source>THINKING</source>
        <translation>思考</translation>
    </message>
    <message>
        <source>ANSWER</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>(nothing)</source>
        <translation>（无）</translation>
    </message>
    <message>
        <source>EXPECTED</source>
        <translation>预期</translation>
    </message>
    <message>
        <source>FIGURES</source>
        <translation>数据</translation>
    </message>
    <message>
        <source>{tokens} tokens ({thinking} thinking) in {seconds} s, seed {seed}, {ending}</source>
        <translation>{seconds} 秒内 {tokens} 个词元（思考 {thinking} 个），种子 {seed}，{ending}</translation>
    </message>
</context>
<context>
    <name>QualityItems</name>
    <message>
        <source>Item</source>
        <translation>题目</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>种类</translation>
    </message>
    <message>
        <source>Verdict</source>
        <translation>判定</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>词元</translation>
    </message>
    <message>
        <source>Seconds</source>
        <translation>秒</translation>
    </message>
    <message>
        <source>ROUGE-L {value}</source>
        <translation>ROUGE-L {value}</translation>
    </message>
</context>
<context>
    <name>QualityItemsCard</name>
    <message>
        <source>Items of the run</source>
        <translation>此次运行的题目</translation>
    </message>
</context>
<context>
    <name>QualityPage</name>
    <message>
        <source>Progress of the quality suite</source>
        <translation>质量测试的进度</translation>
    </message>
    <message>
        <source>The quality has been measured.</source>
        <translation>质量已测量完毕。</translation>
    </message>
    <message>
        <source>A run was stopped before its end. Results of it that are kept: {count}. Go on asks what is missing.</source>
        <translation>上次测试未完成即停止。已保留 {count} 个结果。按“继续”会提问其余部分。</translation>
    </message>
    <message>
        <source>Downloading {file}</source>
        <translation>正在下载 {file}</translation>
    </message>
    <message>
        <source>Quality: {step}</source>
        <translation>质量：{step}</translation>
    </message>
    <message>
        <source>{run}, not finished</source>
        <translation>{run}，未完成</translation>
    </message>
    <message>
        <source>Deleted: {count} quality runs.</source>
        <translation>已删除：{count} 次质量测试的运行。</translation>
    </message>
    <message>
        <source>The quality run is deleted.</source>
        <translation>已删除该次质量测试的运行。</translation>
    </message>
    <message>
        <source>Choose a model at the top and run the suite. Stillroom asks it mathematics, tasks in several steps, facts hidden in long texts and what customers want, and judges each answer; it also measures how well it predicts a text (perplexity). Everything stays on this computer, and every question, thought and answer can be read afterwards.</source>
        <translation>请在窗口顶部选择模型，然后运行测试。Stillroom 会向它提出数学题、多步任务、藏在长文中的事实以及客户的需求，并判定每个回答；还会测量它预测一段文字的能力（困惑度）。一切都留在本机，事后可以查看每个问题、思考和回答。</translation>
    </message>
    <message>
        <source>Each finished item is kept. Cancel whenever you like; the next run goes on from there.</source>
        <translation>每道完成的题目都会保留。可随时取消；下次运行会从那里继续。</translation>
    </message>
    <message>
        <source>How good are its answers?</source>
        <translation>它的回答有多好？</translation>
    </message>
</context>
<context>
    <name>QualityPlot</name>
    <message>
        <source>size, GB</source>
        <translation>大小，GB</translation>
    </message>
    <message>
        <source>divergence, nats per token</source>
        <translation>散度，nat/词元</translation>
    </message>
</context>
<context>
    <name>QualityRunsModel</name>
    <message>
        <source>When</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Notes</source>
        <translation>备注</translation>
    </message>
    <message>
        <source>not finished</source>
        <translation>未完成</translation>
    </message>
    <message>
        <source>{file}, at most {tokens} tokens each</source>
        <translation>{file}，每题最多 {tokens} 个词元</translation>
    </message>
</context>
<context>
    <name>QualityTable</name>
    <message>
        <source>Type</source>
        <translation>类型</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>Same next word</source>
        <translation>相同的下一个词</translation>
    </message>
    <message>
        <source>How often it predicts the same next word (token) as the original.</source>
        <translation>它与原始模型预测出相同的下一个词（词元）的比例。</translation>
    </message>
    <message>
        <source>Perplexity</source>
        <translation>困惑度</translation>
    </message>
    <message>
        <source>By how much its perplexity is higher than the original&apos;s: how much more a text surprises it. No share of wrong answers: +2% is not two answers of a hundred.</source>
        <translation>它的困惑度比原始模型高多少，即一段文本让它多“意外”多少。这不是错误回答的比例：+2% 并不是一百个回答中错两个。</translation>
    </message>
    <message>
        <source>How far its predictions are from those of the original: 0 is no difference, 0.01 can hardly be noticed, 0.1 can (Kullback-Leibler divergence, mean in nats per token).</source>
        <translation>它的预测与原始模型相差多远：0 表示没有差别，0.01 几乎察觉不到，0.1 可以察觉（KL 散度，每词元平均 nat 数）。</translation>
    </message>
    <message>
        <source>tok/s (original)</source>
        <translation>词元/秒（原始）</translation>
    </message>
    <message>
        <source>New tokens per second during this measurement, in brackets those of the original. What replies reach is said under “On this PC”.</source>
        <translation>此次测量中每秒生成的词元数，括号内为原始模型的数值。实际回答能达到的速度见“本机运行”。</translation>
    </message>
    <message>
        <source>Divergence</source>
        <translation>散度</translation>
    </message>
    <message>
        <source>99% below</source>
        <translation>99% 低于</translation>
    </message>
    <message>
        <source>99 of 100 predictions are nearer to the original than this.</source>
        <translation>100 次预测中有 99 次与原始模型的差距小于此值。</translation>
    </message>
</context>
<context>
    <name>QualityWords</name>
    <message>
        <source>Perplexity</source>
        <translation>困惑度</translation>
    </message>
    <message>
        <source>Mathematics</source>
        <translation>数学</translation>
    </message>
    <message>
        <source>Instructions</source>
        <translation>指令</translation>
    </message>
    <message>
        <source>Long texts</source>
        <translation>长文</translation>
    </message>
    <message>
        <source>Intents</source>
        <translation>意图</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>代码</translation>
    </message>
    <message>
        <source>how surprised the model is by a text; less is better</source>
        <translation>模型对一段文字感到多意外；越小越好</translation>
    </message>
    <message>
        <source>right at the first try (pass@1)</source>
        <translation>一次答对（pass@1）</translation>
    </message>
    <message>
        <source>how near it comes to a reference answer, 0 to 1 (ROUGE-L)</source>
        <translation>与参考答案的接近程度，0 到 1 (ROUGE-L)</translation>
    </message>
    <message>
        <source>facts hidden in a long text that it found</source>
        <translation>在长文中找到的隐藏事实</translation>
    </message>
    <message>
        <source>messages whose purpose it recognised</source>
        <translation>认出目的的消息</translation>
    </message>
    <message>
        <source>tasks whose tests pass</source>
        <translation>测试通过的任务</translation>
    </message>
    <message>
        <source>{count} tokens</source>
        <translation>{count} 个词元</translation>
    </message>
    <message>
        <source>{count} s</source>
        <translation>{count} 秒</translation>
    </message>
    <message>
        <source>Tokens to answers right in all</source>
        <translation>各次都答对的题所用词元</translation>
    </message>
    <message>
        <source>Seconds to answers right in all</source>
        <translation>各次都答对的题所用秒数</translation>
    </message>
    <message>
        <source>Perplexity, less is better</source>
        <translation>困惑度，越小越好</translation>
    </message>
    <message>
        <source>Mathematics, pass@1</source>
        <translation>数学，pass@1</translation>
    </message>
    <message>
        <source>Instructions, ROUGE-L</source>
        <translation>指令，ROUGE-L</translation>
    </message>
    <message>
        <source>Long texts, facts found</source>
        <translation>长文，找到的事实</translation>
    </message>
    <message>
        <source>Intents named</source>
        <translation>说对的意图</translation>
    </message>
    <message>
        <source>Code, tests passed</source>
        <translation>代码，通过测试</translation>
    </message>
    <message>
        <source>{model}, not on this computer</source>
        <translation>{model}，不在本机上</translation>
    </message>
    <message>
        <source>{value} in {count} words</source>
        <translation>{count} 个词中为 {value}</translation>
    </message>
    <message>
        <source>{value} to a right answer</source>
        <translation>得到正确答案用 {value}</translation>
    </message>
    <message>
        <source>BLEU {value} of 100: word sequences in common with it</source>
        <translation>BLEU {value}（满分 100）：与参考答案相同的词序列</translation>
    </message>
    <message>
        <source>macro F1 {value} of 1: each purpose counts alike</source>
        <translation>宏平均 F1 {value}（满分 1）：每种意图同等计入</translation>
    </message>
    <message>
        <source>One sample of each at temperature {temperature}, top-p {top_p}, seed {seed}, at most {tokens} tokens, no system prompt. Intervals are 95%; n is how many were counted: questions, and tokens for the perplexity. Items: {sources}.</source>
        <translation>每题采样一次，温度 {temperature}，top-p {top_p}，种子 {seed}，最多 {tokens} 个词元，无系统提示词。区间为 95%；n 是计入的数量：题数，困惑度则为词元数。题目来源：{sources}。</translation>
    </message>
    <message>
        <source>{value} valid syntax</source>
        <translation>语法有效 {value}</translation>
    </message>
    <message>
        <source>{value} times as long as the reference</source>
        <translation>长度为参考答案的 {value} 倍</translation>
    </message>
    <message>
        <source>n = {n}</source>
        <translation>n = {n}</translation>
    </message>
    <message>
        <source>{low} to {high}, n = {n}</source>
        <translation>{low} 至 {high}，n = {n}</translation>
    </message>
    <message>
        <source>right</source>
        <translation>正确</translation>
    </message>
    <message>
        <source>wrong</source>
        <translation>错误</translation>
    </message>
    <message>
        <source>cut off</source>
        <translation>被截断</translation>
    </message>
    <message>
        <source>not decided</source>
        <translation>未判定</translation>
    </message>
    <message>
        <source>engine failed</source>
        <translation>引擎失败</translation>
    </message>
    <message>
        <source>does not fit</source>
        <translation>放不下</translation>
    </message>
    <message>
        <source>scored</source>
        <translation>已评分</translation>
    </message>
    <message>
        <source>ended by itself</source>
        <translation>自行结束</translation>
    </message>
    <message>
        <source>cut off at the most tokens of an answer</source>
        <translation>达到回答的词元上限而中断</translation>
    </message>
    <message>
        <source>cut off as the context was full</source>
        <translation>上下文已满而中断</translation>
    </message>
    <message>
        <source>stopped</source>
        <translation>已停止</translation>
    </message>
    <message>
        <source>ended as it only repeated itself</source>
        <translation>因一再重复而结束</translation>
    </message>
    <message>
        <source>Reading the model file</source>
        <translation>正在读取模型文件</translation>
    </message>
    <message>
        <source>Reading the text for the perplexity</source>
        <translation>正在读取测量困惑度的文字</translation>
    </message>
    <message>
        <source>Loading the model</source>
        <translation>正在加载模型</translation>
    </message>
    <message>
        <source>{done} of {total} done</source>
        <translation>{total} 题中完成 {done} 题</translation>
    </message>
    <message>
        <source>{done} of {total} done, {right} of {judged} right</source>
        <translation>{total} 题中完成 {done} 题，{judged} 题中答对 {right} 题</translation>
    </message>
    <message>
        <source>{name} ({licence})</source>
        <translation>{name}（{licence}）</translation>
    </message>
</context>
<context>
    <name>QuestionCard</name>
    <message>
        <source>Your message</source>
        <translation>你的消息</translation>
    </message>
    <message>
        <source>Copy the message</source>
        <translation>复制消息</translation>
    </message>
    <message>
        <source>Edit the message and ask again</source>
        <translation>编辑消息并重新提问</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Ask again</source>
        <translation>重新提问</translation>
    </message>
    <message>
        <source>Ask again (Enter)</source>
        <translation>重新提问 (Enter)</translation>
    </message>
</context>
<context>
    <name>ReadingRow</name>
    <message>
        <source>Reading {name}</source>
        <translation>正在读取 {name}</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Read the file no further; no chat is added</source>
        <translation>不再读取该文件；不添加任何对话</translation>
    </message>
</context>
<context>
    <name>RecommendationCard</name>
    <message>
        <source>Get</source>
        <translation>获取</translation>
    </message>
    <message>
        <source>Why this one</source>
        <translation>为什么推荐它</translation>
    </message>
    <message>
        <source>RECOMMENDED FOR THIS PC</source>
        <translation>为本机推荐</translation>
    </message>
    <message>
        <source>Looking at this computer…</source>
        <translation>正在检查本机…</translation>
    </message>
    <message>
        <source>The engine is listing the devices that it can use.</source>
        <translation>引擎正在列出可用的设备。</translation>
    </message>
    <message>
        <source>How fast it computes is being measured.</source>
        <translation>正在测量本机的计算速度。</translation>
    </message>
    <message>
        <source>No R1 model fits into the free memory</source>
        <translation>可用内存放不下任何 R1 模型</translation>
    </message>
    <message>
        <source>The smallest needs about 3.5 GB of free RAM. Close other programs, or use the starter model.</source>
        <translation>最小的模型需要约 3.5 GB 可用内存。请关闭其他程序，或使用入门模型。</translation>
    </message>
    <message>
        <source>Use</source>
        <translation>使用</translation>
    </message>
    <message>
        <source>Loading…</source>
        <translation>正在加载…</translation>
    </message>
    <message>
        <source>Strong at mathematics, programming and science questions.</source>
        <translation>擅长数学、编程和科学问题。</translation>
    </message>
    <message>
        <source>Good at mathematics and programming, with the knowledge of a small model.</source>
        <translation>数学和编程不错，知识面为小型模型的水平。</translation>
    </message>
    <message>
        <source>Good at school mathematics and short puzzles; it often errs in facts.</source>
        <translation>适合中学数学和简短的谜题；在事实上经常出错。</translation>
    </message>
    <message>
        <source>Here it writes up to {count} words a second, faster than most people read.</source>
        <translation>在本机上每秒最多写约 {count} 个英文单词，比大多数人阅读得快。</translation>
    </message>
    <message>
        <source>Here it writes up to {count} words a second, slower than most people read.</source>
        <translation>在本机上每秒最多写约 {count} 个英文单词，比大多数人阅读得慢。</translation>
    </message>
    <message>
        <source>Getting it downloads {size}: about {minutes} min at 100 Mbit/s.</source>
        <translation>获取它需要下载 {size}：在 100 Mbit/s 的网络下约 {minutes} 分钟。</translation>
    </message>
    <message>
        <source>The best published scores of the models that run quickly here (AIME 2024 {aime}%, GPQA Diamond {gpqa}%).</source>
        <translation>在本机运行流畅的模型中公布成绩最好（AIME 2024 {aime}%，GPQA Diamond {gpqa}%）。</translation>
    </message>
    <message>
        <source>Each R1 model takes long for its thoughts on this PC; this is the smallest (AIME 2024 {aime}%, GPQA Diamond {gpqa}%).</source>
        <translation>每个 R1 模型在本机上都要思考较久；这是最小的（AIME 2024 {aime}%，GPQA Diamond {gpqa}%）。</translation>
    </message>
    <message>
        <source>Expected: {rate} tokens per second.</source>
        <translation>预计速度（词元/秒）：{rate}。</translation>
    </message>
    <message>
        <source>{model} scores higher: {reason}</source>
        <translation>{model} 成绩更高：{reason}</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>加载</translation>
    </message>
    <message>
        <source>Get · {size}</source>
        <translation>获取 · {size}</translation>
    </message>
    <message>
        <source>Downloads the original model ({download}) and makes one of {size} from it.</source>
        <translation>下载原始模型（{download}），并由此制作 {size} 的模型。</translation>
    </message>
    <message>
        <source>Loaded</source>
        <translation>已加载</translation>
    </message>
    <message>
        <source>On its way</source>
        <translation>正在获取</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>已停止</translation>
    </message>
</context>
<context>
    <name>ReplyEditor</name>
    <message>
        <source>The reply</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Keep it as another version of the reply</source>
        <translation>保存为回答的另一个版本</translation>
    </message>
</context>
<context>
    <name>ReplyFoot</name>
    <message>
        <source>Copy the reply</source>
        <translation>复制回答</translation>
    </message>
    <message>
        <source>Regenerate the reply</source>
        <translation>重新生成回答</translation>
    </message>
    <message>
        <source>Other ways to go on</source>
        <translation>其他继续方式</translation>
    </message>
    <message>
        <source>Edit the reply</source>
        <translation>编辑回答</translation>
    </message>
    <message>
        <source>Edited by you</source>
        <translation>由你编辑</translation>
    </message>
    <message>
        <source>Answer again with {model}</source>
        <translation>用 {model} 重新回答</translation>
    </message>
    <message>
        <source>Compare with other answers…</source>
        <translation>与其他回答比较…</translation>
    </message>
    <message>
        <source>Go on from here in a new chat</source>
        <translation>从这里开始新聊天</translation>
    </message>
    <message>
        <source>1 token · first token {seconds} s</source>
        <translation>1 个词元 · 首个词元 {seconds} 秒</translation>
    </message>
    <message>
        <source>{tokens} tokens · {rate} tok/s</source>
        <translation>{tokens} 个词元 · {rate} 词元/秒</translation>
    </message>
    <message>
        <source>{tokens} tokens · {rate} tok/s · first token {seconds} s</source>
        <translation>{tokens} 个词元 · {rate} 词元/秒 · 首个词元 {seconds} 秒</translation>
    </message>
    <message>
        <source>Prompt: {tokens} tokens at {rate} tok/s. Seed: {seed}.</source>
        <translation>提示词：{tokens} 个词元，{rate} 词元/秒。种子：{seed}。</translation>
    </message>
    <message>
        <source>Of {drafted} tokens guessed ahead {accepted} were right.</source>
        <translation>预测的 {drafted} 个词元中有 {accepted} 个正确。</translation>
    </message>
</context>
<context>
    <name>ReplyNotice</name>
    <message>
        <source>Larger context</source>
        <translation>更大的上下文</translation>
    </message>
    <message>
        <source>Continue the reply</source>
        <translation>继续生成回答</translation>
    </message>
    <message>
        <source>Load the model with a larger context</source>
        <translation>用更大的上下文加载模型</translation>
    </message>
    <message>
        <source>Retry</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Ask for another reply</source>
        <translation>重新生成一个回答</translation>
    </message>
    <message>
        <source>Go on where the reply was cut off</source>
        <translation>从中断处继续生成</translation>
    </message>
    <message>
        <source>The engine stopped before the reply was complete.</source>
        <translation>回答完成前引擎已停止。</translation>
    </message>
    <message>
        <source>Stillroom was closed before this reply was complete. What had come is kept.</source>
        <translation>这个回答完成前 Stillroom 已关闭。已生成的内容已保留。</translation>
    </message>
    <message>
        <source>The reply reached the most tokens that this chat allows.</source>
        <translation>回答达到了此聊天允许的最大词元数。</translation>
    </message>
    <message>
        <source>The context is full, so the reply ends here.</source>
        <translation>上下文已满，回答到此结束。</translation>
    </message>
    <message>
        <source>The answer only repeated itself, so it was ended here.</source>
        <translation>回答只是在重复，已在此结束。</translation>
    </message>
    <message>
        <source>Stopped.</source>
        <translation>已停止。</translation>
    </message>
    <message>
        <source>The model gave no answer.</source>
        <translation>模型没有给出回答。</translation>
    </message>
    <message>
        <source>The model&apos;s thoughts were going in circles, so they were ended after {tokens} tokens.</source>
        <translation>模型的思考在原地打转，因此在 {tokens} 个词元后结束。</translation>
    </message>
    <message>
        <source>The context is nearly full, so the thoughts were ended after {tokens} tokens, to leave room for an answer. With a larger context, in the load settings, they can go on for longer.</source>
        <translation>上下文即将用尽，因此思考在 {tokens} 个词元后结束，为回答留出空间。在加载设置中选择更大的上下文，思考可以更长。</translation>
    </message>
    <message>
        <source>The thoughts were ended after {tokens} tokens, at this chat&apos;s limit.</source>
        <translation>思考达到此聊天的上限，已在 {tokens} 个词元后结束。</translation>
    </message>
</context>
<context>
    <name>ReplySettings</name>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Model behaviour</source>
        <translation>模型行为</translation>
    </message>
    <message>
        <source>Presets: choose, save and change them</source>
        <translation>预设：选择、保存和更改</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>系统提示词</translation>
    </message>
    <message>
        <source>None</source>
        <translation>无</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <source>Top-k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <source>off</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Min-p</source>
        <translation>Min-p</translation>
    </message>
    <message>
        <source>Repeat penalty</source>
        <translation>重复惩罚</translation>
    </message>
    <message>
        <source>Longest reply</source>
        <translation>最长回答</translation>
    </message>
    <message>
        <source>as fits</source>
        <translation>尽量长</translation>
    </message>
    <message>
        <source>random</source>
        <translation>随机</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>种子</translation>
    </message>
    <message>
        <source>Lets words that were just said come less often: 1 is off, and above 1.2 answers get odd.</source>
        <translation>让刚说过的词较少出现：1 为关闭，高于 1.2 时回答会变得奇怪。</translation>
    </message>
    <message>
        <source>Think before the answer</source>
        <translation>回答前先思考</translation>
    </message>
    <message>
        <source>Without thinking the answer comes at once, and is often worse.</source>
        <translation>不思考时会立即回答，但质量往往较差。</translation>
    </message>
    <message>
        <source>no limit</source>
        <translation>无限制</translation>
    </message>
    <message>
        <source>Most thinking in tokens</source>
        <translation>思考的最多词元数</translation>
    </message>
    <message>
        <source>Most thinking in seconds</source>
        <translation>思考的最多秒数</translation>
    </message>
    <message>
        <source>Then the thinking is closed and the answer begins.</source>
        <translation>到达后结束思考，开始回答。</translation>
    </message>
    <message>
        <source>At most, tokens</source>
        <translation>最多词元数</translation>
    </message>
    <message>
        <source>At most, seconds</source>
        <translation>最多秒数</translation>
    </message>
    <message>
        <source>How freely words are chosen: at 0 always the likeliest one, higher is more varied.</source>
        <translation>选词的自由程度：0 总是选最可能的词，越高越多样。</translation>
    </message>
    <message>
        <source>Chooses only among the likeliest words that make up this share of all chances. 1 is no limit.</source>
        <translation>只在合计概率达到此比例的最可能的词中选择。1 为不限制。</translation>
    </message>
    <message>
        <source>Chooses only among so many of the likeliest words.</source>
        <translation>只在这么多个最可能的词中选择。</translation>
    </message>
    <message>
        <source>Leaves out words that are less likely than this share of the likeliest one.</source>
        <translation>排除概率低于最可能的词的此比例的词。</translation>
    </message>
    <message>
        <source>In tokens, of which a word has one or two; thinking included.</source>
        <translation>以词元计（一个词约一到两个），含思考。</translation>
    </message>
    <message>
        <source>The same number gives the same reply again; empty gives another one each time.</source>
        <translation>相同的数字会得到相同的回答；留空则每次不同。</translation>
    </message>
    <message>
        <source>Let answers be JSON in a form that you describe</source>
        <translation>让回答成为符合你所描述格式的 JSON</translation>
    </message>
    <message>
        <source>Stop texts</source>
        <translation>停止文本</translation>
    </message>
    <message>
        <source>None. One in each line.</source>
        <translation>无。每行一个。</translation>
    </message>
    <message>
        <source>An answer ends before the first of these texts that would come.</source>
        <translation>回答会在最先出现的此类文本之前结束。</translation>
    </message>
    <message>
        <source>When the chat outgrows the context</source>
        <translation>聊天超出上下文时</translation>
    </message>
    <message>
        <source>Ask me</source>
        <translation>询问我</translation>
    </message>
    <message>
        <source>Leave out the oldest messages</source>
        <translation>略去最早的消息</translation>
    </message>
    <message>
        <source>Summarise the oldest messages</source>
        <translation>总结最早的消息</translation>
    </message>
    <message>
        <source>Send nothing more</source>
        <translation>不再发送</translation>
    </message>
    <message>
        <source>Use the recommendation</source>
        <translation>使用推荐值</translation>
    </message>
    <message>
        <source>PRESET</source>
        <translation>预设</translation>
    </message>
    <message>
        <source>SYSTEM PROMPT</source>
        <translation>系统提示词</translation>
    </message>
    <message>
        <source>R1 models work best without one: put instructions into the message.</source>
        <translation>R1 模型不用系统提示词效果最好：请把要求写进消息里。</translation>
    </message>
    <message>
        <source>THINKING</source>
        <translation>思考</translation>
    </message>
    <message>
        <source>SAMPLING</source>
        <translation>采样</translation>
    </message>
    <message>
        <source>ANSWER FORMAT</source>
        <translation>回答格式</translation>
    </message>
    <message>
        <source>STOP AT</source>
        <translation>停止于</translation>
    </message>
    <message>
        <source>WHEN THE CONTEXT IS FULL</source>
        <translation>上下文已满时</translation>
    </message>
    <message>
        <source>ADAPTERS (LORA)</source>
        <translation>适配器（LORA）</translation>
    </message>
    <message>
        <source>JSON: {title}</source>
        <translation>JSON：{title}</translation>
    </message>
    <message>
        <source>JSON by a schema</source>
        <translation>符合模式的 JSON</translation>
    </message>
    <message>
        <source>Free text</source>
        <translation>自由文本</translation>
    </message>
    <message>
        <source>Use the usual settings</source>
        <translation>使用常用设置</translation>
    </message>
    <message>
        <source>This chat follows DeepSeek&apos;s authors, who recommend temperature {temperature} and top-p {top_p} for R1 models.</source>
        <translation>此聊天采用 DeepSeek 作者为 R1 模型推荐的温度 {temperature} 和 top-p {top_p}。</translation>
    </message>
    <message>
        <source>DeepSeek&apos;s authors recommend temperature {temperature} and top-p {top_p} for R1 models.</source>
        <translation>DeepSeek 作者为 R1 模型推荐温度 {temperature} 和 top-p {top_p}。</translation>
    </message>
    <message>
        <source>Your settings start chats with temperature {temperature} and top-p {top_p}.</source>
        <translation>按你的设置，新聊天的温度为 {temperature}，top-p 为 {top_p}。</translation>
    </message>
    <message>
        <source>This chat follows them already</source>
        <translation>此聊天已在使用</translation>
    </message>
</context>
<context>
    <name>ReplyView</name>
    <message>
        <source>Reading the prompt…</source>
        <translation>正在读取提示词…</translation>
    </message>
    <message>
        <source>Waiting until another reply is done…</source>
        <translation>正在等待另一个回答完成…</translation>
    </message>
    <message>
        <source>The model is answering.</source>
        <translation>模型正在回答。</translation>
    </message>
    <message>
        <source>Reading the prompt… {done} of {total} tokens</source>
        <translation>正在读取提示词… {done} / {total} 个词元</translation>
    </message>
    <message>
        <source>Not as the schema says: {problem}</source>
        <translation>不符合模式：{problem}</translation>
    </message>
    <message>
        <source>Valid JSON of the schema “{title}”</source>
        <translation>符合模式“{title}”的有效 JSON</translation>
    </message>
    <message>
        <source>Valid JSON of the schema</source>
        <translation>符合模式的有效 JSON</translation>
    </message>
</context>
<context>
    <name>RepositoryPanel</name>
    <message>
        <source>Like</source>
        <translation>点赞</translation>
    </message>
    <message>
        <source>Open its page</source>
        <translation>打开其页面</translation>
    </message>
    <message>
        <source>Close the repository</source>
        <translation>关闭此仓库</translation>
    </message>
    <message>
        <source>It holds nothing that Stillroom can use: no .safetensors and no .gguf files.</source>
        <translation>其中没有 Stillroom 能使用的内容：没有 .safetensors，也没有 .gguf 文件。</translation>
    </message>
    <message>
        <source>Files and types of the repository</source>
        <translation>仓库的文件和类型</translation>
    </message>
    <message>
        <source>Get</source>
        <translation>获取</translation>
    </message>
    <message>
        <source>{count} larger files are not listed; its page shows them all.</source>
        <translation>另有 {count} 个更大的文件未列出；其页面会显示全部文件。</translation>
    </message>
    <message>
        <source>{count} billion parameters</source>
        <translation>{count}B 参数</translation>
    </message>
    <message>
        <source>kind: {kind}</source>
        <translation>类别：{kind}</translation>
    </message>
    <message>
        <source>context up to {tokens} tokens</source>
        <translation>上下文最多 {tokens} 个词元</translation>
    </message>
    <message>
        <source>licence: {licence}</source>
        <translation>许可证：{licence}</translation>
    </message>
    <message>
        <source>{count} downloads in 30 days</source>
        <translation>30 天内下载 {count} 次</translation>
    </message>
    <message>
        <source>{count} likes</source>
        <translation>{count} 个赞</translation>
    </message>
    <message>
        <source>its terms must be accepted on its page first</source>
        <translation>须先在其页面接受条款</translation>
    </message>
    <message>
        <source>Choose a file or a type first</source>
        <translation>请先选择文件或类型</translation>
    </message>
    <message>
        <source>Get {name} · {size} to download</source>
        <translation>获取 {name} · 需下载 {size}</translation>
    </message>
    <message>
        <source>Liked</source>
        <translation>已点赞</translation>
    </message>
</context>
<context>
    <name>RequantiseDialog</name>
    <message>
        <source>Another size of {model}</source>
        <translation>{model} 的其他大小</translation>
    </message>
    <message>
        <source>Size to make (quantisation)</source>
        <translation>要制作的大小（量化类型）</translation>
    </message>
    <message>
        <source>This file was made smaller already ({type}). To make it smaller again costs more accuracy than to make the same size of the original.</source>
        <translation>此文件已经缩小过（{type}）。再次缩小比用原始模型制作同样大小损失更多准确度。</translation>
    </message>
    <message>
        <source>The file has full precision ({type}), so the result is as good as one made of the original.</source>
        <translation>该文件为全精度（{type}），因此结果与用原始模型制作的一样好。</translation>
    </message>
    <message>
        <source>Type</source>
        <translation>类型</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Make it</source>
        <translation>开始制作</translation>
    </message>
</context>
<context>
    <name>RunHistoryView</name>
    <message>
        <source>Compare…</source>
        <translation>比较…</translation>
    </message>
    <message>
        <source>Select two to five runs to compare them</source>
        <translation>选择二至五次运行进行比较</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>All runs</source>
        <translation>全部运行</translation>
    </message>
    <message>
        <source>Select a run first</source>
        <translation>请先选择一次运行</translation>
    </message>
</context>
<context>
    <name>RunProgressCard</name>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>正在开始</translation>
    </message>
    <message>
        <source>time left not known yet</source>
        <translation>剩余时间尚不确定</translation>
    </message>
    <message>
        <source>about {duration} left</source>
        <translation>剩余约 {duration}</translation>
    </message>
    <message>
        <source>Cancelling</source>
        <translation>正在取消</translation>
    </message>
</context>
<context>
    <name>SchemaDialog</name>
    <message>
        <source>Structured answers</source>
        <translation>结构化回答</translation>
    </message>
    <message>
        <source>JSON schema</source>
        <translation>JSON 模式</translation>
    </message>
    <message>
        <source>Insert an example</source>
        <translation>插入示例</translation>
    </message>
    <message>
        <source>Free answers</source>
        <translation>自由回答</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Use it</source>
        <translation>使用</translation>
    </message>
    <message>
        <source>Answers of this chat are JSON in the form that this schema describes, for programs to read. The thinking before them stays free.</source>
        <translation>此聊天的回答是符合此模式所描述格式的 JSON，供程序读取。之前的思考不受限制。</translation>
    </message>
    <message>
        <source>The schema is being checked…</source>
        <translation>正在检查模式…</translation>
    </message>
    <message>
        <source>The schema can be used.</source>
        <translation>此模式可以使用。</translation>
    </message>
    <message>
        <source>Write a schema, or insert an example.</source>
        <translation>请编写模式，或插入示例。</translation>
    </message>
</context>
<context>
    <name>SearchCard</name>
    <message>
        <source>Words of a model&apos;s name, such as qwen 7b</source>
        <translation>模型名称中的词，例如 qwen 7b</translation>
    </message>
    <message>
        <source>Search Hugging Face</source>
        <translation>搜索 Hugging Face</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>搜索</translation>
    </message>
    <message>
        <source>Models that were found</source>
        <translation>找到的模型</translation>
    </message>
    <message>
        <source>SEARCH HUGGING FACE</source>
        <translation>搜索 Hugging Face</translation>
    </message>
    <message>
        <source>Type two letters or more of the name.</source>
        <translation>请输入名称的至少两个字母。</translation>
    </message>
    <message>
        <source>Searching…</source>
        <translation>正在搜索…</translation>
    </message>
    <message>
        <source>{count} models, the most downloaded first. Choose one to see its files.</source>
        <translation>{count} 个模型，下载最多的在前。选择一个即可查看其文件。</translation>
    </message>
    <message>
        <source>Nothing was found. Fewer or other words of the name may help.</source>
        <translation>没有找到。请减少或更换名称中的词。</translation>
    </message>
    <message>
        <source>The {count} most downloaded models. Choose one to see its files; more words find others.</source>
        <translation>下载最多的 {count} 个模型。选择一个即可查看其文件；输入更多词可找到其他模型。</translation>
    </message>
    <message>
        <source>Asking what {repo} holds…</source>
        <translation>正在询问 {repo} 的内容…</translation>
    </message>
    <message>
        <source>Liked, and opened lately:</source>
        <translation>点赞的和最近打开的：</translation>
    </message>
    <message>
        <source>What you type here is sent to Hugging Face, and nothing else.</source>
        <translation>你在这里输入的内容会发送给 Hugging Face，不发送其他内容。</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
</context>
<context>
    <name>SecondStart</name>
    <message>
        <source>Stillroom is open already and does not answer.</source>
        <translation>Stillroom 已经打开，但没有响应。</translation>
    </message>
    <message>
        <source>It may be busy: wait a little and start it again. If you end it, what it is doing stops; chats, drafts and downloads go on from where they were kept last.</source>
        <translation>它可能正忙：请稍等片刻再启动。如果结束它，正在进行的工作会停止；聊天、草稿和下载会从上次保存的地方继续。</translation>
    </message>
    <message>
        <source>End it and start anew</source>
        <translation>结束它并重新启动</translation>
    </message>
    <message>
        <source>Wait</source>
        <translation>等待</translation>
    </message>
</context>
<context>
    <name>SelectionArea</name>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy link address</source>
        <translation>复制链接地址</translation>
    </message>
    <message>
        <source>Copy LaTeX</source>
        <translation>复制 LaTeX</translation>
    </message>
    <message>
        <source>Select message</source>
        <translation>选择消息</translation>
    </message>
    <message>
        <source>Select all</source>
        <translation>全选</translation>
    </message>
</context>
<context>
    <name>ServerDialog</name>
    <message>
        <source>Local API</source>
        <translation>本地 API</translation>
    </message>
    <message>
        <source>Lets editors and scripts use the model that is loaded, by the protocols of OpenAI and Ollama. Chats in this window go first.</source>
        <translation>让编辑器和脚本通过 OpenAI 和 Ollama 的协议使用已加载的模型。此窗口中的聊天优先。</translation>
    </message>
    <message>
        <source>State of the local API</source>
        <translation>本地 API 的状态</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>地址</translation>
    </message>
    <message>
        <source>Copy the address</source>
        <translation>复制地址</translation>
    </message>
    <message>
        <source>Key</source>
        <translation>密钥</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>Show the key</source>
        <translation>显示密钥</translation>
    </message>
    <message>
        <source>Copy the key</source>
        <translation>复制密钥</translation>
    </message>
    <message>
        <source>Renew</source>
        <translation>更换</translation>
    </message>
    <message>
        <source>Renew the key</source>
        <translation>更换密钥</translation>
    </message>
    <message>
        <source>Locks out every program that has the key</source>
        <translation>会使持有此密钥的所有程序失效</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>端口</translation>
    </message>
    <message>
        <source>Load a model that a program asks for</source>
        <translation>加载程序所要求的模型</translation>
    </message>
    <message>
        <source>Otherwise only models that you have loaded answer.</source>
        <translation>否则只有你已加载的模型会回答。</translation>
    </message>
    <message>
        <source>Example for a terminal</source>
        <translation>终端示例</translation>
    </message>
    <message>
        <source>Copy the example with the key</source>
        <translation>复制带密钥的示例</translation>
    </message>
    <message>
        <source>EXAMPLE FOR A TERMINAL</source>
        <translation>终端示例</translation>
    </message>
    <message>
        <source>Programs on this computer only</source>
        <translation>仅限本机上的程序</translation>
    </message>
    <message>
        <source>Other computers in the network too</source>
        <translation>网络中的其他电脑也可以</translation>
    </message>
    <message>
        <source>Who can connect</source>
        <translation>谁可以连接</translation>
    </message>
    <message>
        <source>Web pages that may call</source>
        <translation>可以调用的网页</translation>
    </message>
    <message>
        <source>Certificate</source>
        <translation>证书</translation>
    </message>
    <message>
        <source>Private key</source>
        <translation>私钥</translation>
    </message>
    <message>
        <source>PEM file</source>
        <translation>PEM 文件</translation>
    </message>
    <message>
        <source>Choose…</source>
        <translation>选择…</translation>
    </message>
    <message>
        <source>Choose: {field}</source>
        <translation>选择：{field}</translation>
    </message>
    <message>
        <source>Nothing is encrypted without a certificate: whoever listens on the network reads every question, every answer and the key. Do this only in a network that you trust.</source>
        <translation>没有证书就没有加密：在网络上监听的任何人都能看到每个问题、每个回答和密钥。只应在你信任的网络中这样做。</translation>
    </message>
    <message>
        <source>Addresses for other computers</source>
        <translation>供其他电脑使用的地址</translation>
    </message>
    <message>
        <source>No program that has the key has asked in the last minutes.</source>
        <translation>最近几分钟内没有持有密钥的程序发来请求。</translation>
    </message>
    <message>
        <source>Other computers reach it at {addresses}, where the firewall here lets them.</source>
        <translation>其他电脑可通过 {addresses} 访问，前提是本机防火墙允许。</translation>
    </message>
    <message>
        <source>requests per second</source>
        <translation>每秒请求数</translation>
    </message>
    <message>
        <source>Let programs use the model (over HTTP)</source>
        <translation>允许程序使用模型（通过 HTTP）</translation>
    </message>
    <message>
        <source>Addresses of web pages (origins) with commas between them. All others are refused.</source>
        <translation>网页的地址（来源），用逗号分隔。其他网页都会被拒绝。</translation>
    </message>
    <message>
        <source>replies now</source>
        <translation>当前的回答数</translation>
    </message>
    <message>
        <source>tokens written</source>
        <translation>已写出的词元</translation>
    </message>
    <message>
        <source>Programs that use the local API</source>
        <translation>使用本地 API 的程序</translation>
    </message>
    <message>
        <source>One moment…</source>
        <translation>请稍候…</translation>
    </message>
    <message>
        <source>Listens at {url}</source>
        <translation>正在监听 {url}</translation>
    </message>
    <message>
        <source>Off: no program can connect.</source>
        <translation>已关闭：任何程序都无法连接。</translation>
    </message>
    <message>
        <source>KEY</source>
        <translation>密钥</translation>
    </message>
    <message>
        <source>Hide</source>
        <translation>隐藏</translation>
    </message>
    <message>
        <source>Hide the key</source>
        <translation>隐藏密钥</translation>
    </message>
    <message>
        <source>PEM files (*.pem *.crt *.cer *.key);;All files (*)</source>
        <translation>PEM 文件 (*.pem *.crt *.cer *.key);;所有文件 (*)</translation>
    </message>
</context>
<context>
    <name>ServersElsewherePage</name>
    <message>
        <source>Servers elsewhere</source>
        <translation>其他地方的服务器</translation>
    </message>
    <message>
        <source>The models of an OpenAI-compatible server (llama-server, vLLM, another Stillroom) can be chosen at the top of the window, marked as not on this computer.</source>
        <translation>兼容 OpenAI 的服务器（llama-server、vLLM、另一个 Stillroom）上的模型可在窗口顶部选择，并标明不在本机上。</translation>
    </message>
    <message>
        <source>What you send to such a model leaves this computer: your messages, the chat before them and documents. You are asked once for each server. The input filter applies to it too.</source>
        <translation>你发送给这类模型的内容会离开本机：你的消息、之前的聊天和文档。每个服务器只询问一次。输入过滤器同样对其生效。</translation>
    </message>
    <message>
        <source>Address of the server</source>
        <translation>服务器的地址</translation>
    </message>
    <message>
        <source>Key of the server</source>
        <translation>服务器的密钥</translation>
    </message>
    <message>
        <source>Key, if it wants one</source>
        <translation>密钥（如服务器需要）</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>添加</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>A server is being asked</source>
        <translation>正在询问一台服务器</translation>
    </message>
    <message>
        <source>Type an address first</source>
        <translation>请先输入地址</translation>
    </message>
    <message>
        <source>Asking {host}…</source>
        <translation>正在询问 {host}…</translation>
    </message>
    <message>
        <source>{host} is in the list of models.</source>
        <translation>{host} 已加入模型列表。</translation>
    </message>
    <message>
        <source>{host} is removed, and its key with it.</source>
        <translation>{host} 已移除，其密钥也一并移除。</translation>
    </message>
    <message>
        <source>{models} and {count} more</source>
        <translation>{models}，另有 {count} 个</translation>
    </message>
    <message>
        <source>Not encrypted: whoever is in between can read along.</source>
        <translation>未加密：途中的任何人都能看到内容。</translation>
    </message>
    <message>
        <source>Refresh</source>
        <translation>刷新</translation>
    </message>
    <message>
        <source>Ask {host} for its models again</source>
        <translation>重新向 {host} 查询其模型</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Remove {address}</source>
        <translation>移除 {address}</translation>
    </message>
</context>
<context>
    <name>SettingsCommands</name>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>General</source>
        <translation>常规</translation>
    </message>
    <message>
        <source>This computer</source>
        <translation>本机</translation>
    </message>
    <message>
        <source>Models folder</source>
        <translation>模型文件夹</translation>
    </message>
    <message>
        <source>Other computers</source>
        <translation>其他电脑</translation>
    </message>
    <message>
        <source>Servers elsewhere</source>
        <translation>其他地方的服务器</translation>
    </message>
    <message>
        <source>About</source>
        <translation>关于</translation>
    </message>
    <message>
        <source>Where your files are</source>
        <translation>文件位置</translation>
    </message>
    <message>
        <source>What you send</source>
        <translation>你发送的内容</translation>
    </message>
    <message>
        <source>Rules that keep secrets in, and a log of requests and replies. Both are off until you switch them on.</source>
        <translation>防止机密外泄的规则，以及请求和回答的日志。两者在你开启之前都是关闭的。</translation>
    </message>
    <message>
        <source>Input filter…</source>
        <translation>输入过滤器…</translation>
    </message>
    <message>
        <source>Audit log…</source>
        <translation>审计日志…</translation>
    </message>
    <message>
        <source>For other programs</source>
        <translation>供其他程序使用</translation>
    </message>
    <message>
        <source>Editors and scripts on this computer can ask the loaded model, by the protocols of OpenAI and Ollama. Off until you switch it on.</source>
        <translation>本机的编辑器和脚本可以通过 OpenAI 和 Ollama 的协议向已加载的模型提问。在你开启之前一直关闭。</translation>
    </message>
    <message>
        <source>Local API…</source>
        <translation>本地 API…</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>Version {version}</source>
        <translation>版本 {version}</translation>
    </message>
    <message>
        <source>Runs DeepSeek-R1 distilled models on your own computer. Nothing leaves it except the downloads that you ask for.</source>
        <translation>在自己的电脑上运行 DeepSeek-R1 蒸馏模型。除了你要求的下载，任何数据都不会离开本机。</translation>
    </message>
    <message>
        <source>MIT licence. Built on llama.cpp, Qt and Python. Models have licences of their own.</source>
        <translation>MIT 许可证。基于 llama.cpp、Qt 和 Python。模型各有其许可证。</translation>
    </message>
</context>
<context>
    <name>ShortcutSheet</name>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>键盘快捷键</translation>
    </message>
</context>
<context>
    <name>SizeChoice</name>
    <message>
        <source>One file of any size</source>
        <translation>任意大小的单个文件</translation>
    </message>
    <message>
        <source>The type of each tensor is chosen by measurement, so that a file of this size loses as little as it can. That reads a text with the original weights first: minutes to hours, kept for further sizes.</source>
        <translation>每个张量的类型由测量选定，使这一大小的文件损失尽可能小。为此会先用原始权重读一段文本：需要几分钟到几小时，结果会保留，供其他大小使用。</translation>
    </message>
    <message>
        <source>Size of the file</source>
        <translation>文件大小</translation>
    </message>
    <message>
        <source>Largest that fits here</source>
        <translation>本机能容纳的最大文件</translation>
    </message>
    <message>
        <source>As large as the free memory takes at the context shown above. A KV cache in q8_0 takes half of one in f16 and leaves that room for the weights; which of the two loses less is measured.</source>
        <translation>按上方所示的上下文，取空闲内存能容纳的最大尺寸。q8_0 的 KV 缓存只占 f16 的一半，省下的空间可留给权重；两者哪个损失更小，由测量决定。</translation>
    </message>
    <message>
        <source>Smallest, {size}</source>
        <translation>最小，{size}</translation>
    </message>
    <message>
        <source>Best, {size}</source>
        <translation>最好，{size}</translation>
    </message>
    <message>
        <source>The memory here is not known yet.</source>
        <translation>尚不清楚本机的内存。</translation>
    </message>
    <message>
        <source>No size of this model fits into the memory that is free now.</source>
        <translation>此模型的任何大小都放不进现在空闲的内存。</translation>
    </message>
    <message>
        <source>Every size fits into memory.</source>
        <translation>任何大小都放得进内存。</translation>
    </message>
    <message>
        <source>Up to {memory} fit into memory.</source>
        <translation>{memory} 以内放得进内存。</translation>
    </message>
    <message>
        <source>Every size fits on the graphics card.</source>
        <translation>任何大小都放得进显卡。</translation>
    </message>
    <message>
        <source>{size} · {bits} bits a weight</source>
        <translation>{size} · 每个权重 {bits} 位</translation>
    </message>
    <message>
        <source>With a KV cache in q8_0.</source>
        <translation>配 q8_0 的 KV 缓存。</translation>
    </message>
    <message>
        <source>With a KV cache in q8_0; with one in f16 it is {size}. Which of the two loses less is measured when it is made.</source>
        <translation>配 q8_0 的 KV 缓存；配 f16 则为 {size}。哪个损失更小，在制作时测量。</translation>
    </message>
    <message>
        <source>Expected divergence {nats} · {type} of {size}: {other}</source>
        <translation>预计散度 {nats} · {type}（{size}）为 {other}</translation>
    </message>
    <message>
        <source>By what each type was measured to cost each tensor of this model: how far its predictions are from those of the original (Kullback-Leibler divergence, mean in nats per token). 0.01 can hardly be noticed, 0.1 can. What a file of yours lost can be measured below.</source>
        <translation>根据在此模型上测得的每种类型对每个张量的代价：预测与原始模型相差多少（Kullback-Leibler 散度，每个词元的平均值，单位 nat）。0.01 几乎察觉不到，0.1 可以察觉。你的文件损失了多少，可以在下方测量。</translation>
    </message>
    <message>
        <source>Up to {card} fit on the graphics card.</source>
        <translation>{card} 以内放得进显卡。</translation>
    </message>
</context>
<context>
    <name>SourcesLine</name>
    <message>
        <source>PASSAGES USED</source>
        <translation>所用片段</translation>
    </message>
    <message>
        <source>Open the document at this place</source>
        <translation>在此处打开文档</translation>
    </message>
    <message>
        <source>Show all {count} passages</source>
        <translation>显示全部 {count} 个片段</translation>
    </message>
</context>
<context>
    <name>SpeedHead</name>
    <message>
        <source>Start anew</source>
        <translation>重新开始</translation>
    </message>
    <message>
        <source>Against the last run</source>
        <translation>与上次运行相比</translation>
    </message>
    <message>
        <source>Compare with the run of this model before it</source>
        <translation>与此模型的上一次运行比较</translation>
    </message>
    <message>
        <source>Import…</source>
        <translation>导入…</translation>
    </message>
    <message>
        <source>Runs of llama-bench, or of another Stillroom</source>
        <translation>llama-bench 或另一个 Stillroom 的运行</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>正在运行</translation>
    </message>
    <message>
        <source>Measure from here</source>
        <translation>从本机测量</translation>
    </message>
    <message>
        <source>Go on</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Run the benchmark</source>
        <translation>运行基准测试</translation>
    </message>
    <message>
        <source>Run again · about {duration}</source>
        <translation>再次运行 · 约 {duration}</translation>
    </message>
    <message>
        <source>The model is not on this computer: its speed is taken as it arrives here</source>
        <translation>此模型不在本机上：其速度按到达本机时计算</translation>
    </message>
    <message>
        <source>Results of the run that was stopped: {count}</source>
        <translation>已停止的测试保留的结果：{count}</translation>
    </message>
    <message>
        <source>Measures {model}: speed at several lengths, latency, replies at once, memory, energy</source>
        <translation>测量 {model}：多种长度下的速度、延迟、同时回答、内存、能耗</translation>
    </message>
</context>
<context>
    <name>SummaryCard</name>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>The model gets this in place of the messages above, which stay in the chat.</source>
        <translation>模型收到此段文字来代替上面的消息，那些消息仍留在聊天中。</translation>
    </message>
    <message>
        <source>Summary</source>
        <translation>总结</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>编辑</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Send the messages themselves to the model again</source>
        <translation>重新把消息原文发送给模型</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Summarising the {count} oldest messages…</source>
        <translation>正在总结最早的 {count} 条消息…</translation>
    </message>
    <message>
        <source>Summary of the {count} messages above, by {model}</source>
        <translation>上面 {count} 条消息的总结，由 {model} 写成</translation>
    </message>
    <message>
        <source>Summary of the {count} messages above, changed by you</source>
        <translation>上面 {count} 条消息的总结，经你修改</translation>
    </message>
    <message>
        <source>The summary is shown.</source>
        <translation>总结已展开。</translation>
    </message>
    <message>
        <source>The summary is folded.</source>
        <translation>总结已折叠。</translation>
    </message>
</context>
<context>
    <name>TextField</name>
    <message>
        <source>A line of more than {count} characters is too long to be edited here.</source>
        <translation>有一行超过 {count} 个字符，太长，无法在此编辑。</translation>
    </message>
</context>
<context>
    <name>ThinkingEffort</name>
    <message>
        <source>How long the model thinks</source>
        <translation>模型思考多久</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>the answer comes at once, and is often worse</source>
        <translation>立即回答，但质量往往较差</translation>
    </message>
    <message>
        <source>Short</source>
        <translation>短</translation>
    </message>
    <message>
        <source>up to {tokens} tokens</source>
        <translation>最多 {tokens} 个词元</translation>
    </message>
    <message>
        <source>Normal</source>
        <translation>正常</translation>
    </message>
    <message>
        <source>Long</source>
        <translation>长</translation>
    </message>
    <message>
        <source>No limit</source>
        <translation>无限制</translation>
    </message>
    <message>
        <source>as long as the model wants</source>
        <translation>由模型决定</translation>
    </message>
    <message>
        <source>Thinking: {limit}</source>
        <translation>思考：{limit}</translation>
    </message>
</context>
<context>
    <name>ThinkingLine</name>
    <message>
        <source>Thinking… {duration} · {tokens} tokens</source>
        <translation>正在思考… {duration} · {tokens} 个词元</translation>
    </message>
    <message>
        <source>Thought, not finished</source>
        <translation>思考未完成</translation>
    </message>
    <message>
        <source>Thought</source>
        <translation>已思考</translation>
    </message>
    <message>
        <source>Thought for {duration} · {tokens} tokens</source>
        <translation>思考了 {duration} · {tokens} 个词元</translation>
    </message>
</context>
<context>
    <name>Toast</name>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
</context>
<context>
    <name>TrendCard</name>
    <message>
        <source>Run by run</source>
        <translation>逐次运行</translation>
    </message>
    <message>
        <source>One run has this figure so far. After the next one of this model file, it stands here run by run, with what had changed in between.</source>
        <translation>目前只有一次运行有此项目。此模型文件下次运行之后，这里会逐次显示该项目，以及其间发生的变化。</translation>
    </message>
    <message>
        <source>d MMM</source>
        <translation>M月d日</translation>
    </message>
    <message>
        <source>{number}: {changes}</source>
        <translation>{number}：{changes}</translation>
    </message>
    <message>
        <source>Figure</source>
        <translation>项目</translation>
    </message>
</context>
<context>
    <name>TuningDialog</name>
    <message>
        <source>The fastest settings for {model}</source>
        <translation>{model} 的最快设置</translation>
    </message>
    <message>
        <source>Measures what is fastest on this computer. Leave it alone for a moment.</source>
        <translation>测量本机上最快的设置。请暂时不要使用电脑。</translation>
    </message>
    <message>
        <source>What was measured</source>
        <translation>测量结果</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Load with these</source>
        <translation>用这些设置加载</translation>
    </message>
    <message>
        <source>Measures: {what}</source>
        <translation>正在测量：{what}</translation>
    </message>
    <message>
        <source>{time} left</source>
        <translation>剩余 {time}</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>放弃</translation>
    </message>
    <message>
        <source>The defaults are the fastest here: nothing else is clearly faster.</source>
        <translation>默认设置在本机上最快：没有其他设置明显更快。</translation>
    </message>
    <message>
        <source>Replies at {reply} tok/s instead of {reply_before}, prompts at {prompt} instead of {prompt_before}.</source>
        <translation>回答 {reply} 词元/秒（原为 {reply_before}），提示词 {prompt} 词元/秒（原为 {prompt_before}）。</translation>
    </message>
</context>
<context>
    <name>TuningRowsModel</name>
    <message>
        <source>Setting</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>值</translation>
    </message>
    <message>
        <source>Prompt, tok/s</source>
        <translation>提示词，词元/秒</translation>
    </message>
    <message>
        <source>Reply, tok/s</source>
        <translation>回答，词元/秒</translation>
    </message>
    <message>
        <source>Why</source>
        <translation>原因</translation>
    </message>
</context>
<context>
    <name>VerifyCard</name>
    <message>
        <source>Verifying {model}</source>
        <translation>正在校验 {model}</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Reading the file</source>
        <translation>正在读取文件</translation>
    </message>
    <message>
        <source>{done} of {total}</source>
        <translation>{done} / {total}</translation>
    </message>
    <message>
        <source>{time} left</source>
        <translation>剩余 {time}</translation>
    </message>
    <message>
        <source>The file is unchanged since it was made.</source>
        <translation>文件自制作以来没有变化。</translation>
    </message>
    <message>
        <source>There is no record to compare this file with; its beginning (header) is sound.</source>
        <translation>没有可供比对的记录；文件开头（文件头）完好。</translation>
    </message>
    <message>
        <source>Its SHA-256 is {sha256}</source>
        <translation>其 SHA-256 为 {sha256}</translation>
    </message>
    <message>
        <source>Verified {model}</source>
        <translation>已校验 {model}</translation>
    </message>
</context>
<context>
    <name>VersionSwitch</name>
    <message>
        <source>Earlier version</source>
        <translation>较早的版本</translation>
    </message>
    <message>
        <source>Later version</source>
        <translation>较晚的版本</translation>
    </message>
    <message>
        <source>{number} of {count}</source>
        <translation>第 {number} 个，共 {count} 个</translation>
    </message>
</context>
<context>
    <name>WindowApplication</name>
    <message>
        <source>The disk has space again: everything is kept.</source>
        <translation>磁盘又有空间了：一切都已保存。</translation>
    </message>
    <message>
        <source>Unload</source>
        <translation>卸载</translation>
    </message>
</context>
<context>
    <name>WindowCommands</name>
    <message>
        <source>Window</source>
        <translation>窗口</translation>
    </message>
    <message>
        <source>Open the live panel</source>
        <translation>展开实时面板</translation>
    </message>
    <message>
        <source>Collapse the live panel</source>
        <translation>收起实时面板</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Chat: {title}</source>
        <translation>聊天：{title}</translation>
    </message>
</context>
<context>
    <name>WindowDialogs</name>
    <message>
        <source>Input filter</source>
        <translation>输入过滤器</translation>
    </message>
    <message>
        <source>Audit log</source>
        <translation>审计日志</translation>
    </message>
    <message>
        <source>Local API</source>
        <translation>本地 API</translation>
    </message>
    <message>
        <source>Make room…</source>
        <translation>腾出空间…</translation>
    </message>
    <message>
        <source>Open settings</source>
        <translation>打开设置</translation>
    </message>
    <message>
        <source>The model is being measured. Try again when that is done.</source>
        <translation>正在测量此模型，请在测量完成后重试。</translation>
    </message>
    <message>
        <source>A reply is being written. Stop it or wait for it, then try again.</source>
        <translation>正在生成回答。请先停止或等待其结束，再重试。</translation>
    </message>
    <message>
        <source>{card} can be used through CUDA, with NVIDIA&apos;s libraries.</source>
        <translation>借助 NVIDIA 的库，{card} 可以通过 CUDA 使用。</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>查看</translation>
    </message>
    <message>
        <source>The models are in {folder} now.</source>
        <translation>模型现在位于 {folder}。</translation>
    </message>
    <message>
        <source>The models were not moved. {reason}</source>
        <translation>模型没有被移动。{reason}</translation>
    </message>
    <message>
        <source>The move of the models to {folder} was interrupted. They are all here still.</source>
        <translation>将模型移动到 {folder} 的操作曾中断。模型仍全部在原处。</translation>
    </message>
</context>
<context>
    <name>WindowTabs</name>
    <message>
        <source>Chat</source>
        <translation>聊天</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>代码</translation>
    </message>
    <message>
        <source>Benchmark</source>
        <translation>基准测试</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Quality</source>
        <translation>质量</translation>
    </message>
    <message>
        <source>Drift</source>
        <translation>漂移</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>显示</translation>
    </message>
</context>
<context>
    <name>WindowZoom</name>
    <message>
        <source>Larger</source>
        <translation>放大</translation>
    </message>
    <message>
        <source>Smaller</source>
        <translation>缩小</translation>
    </message>
    <message>
        <source>Normal size</source>
        <translation>正常大小</translation>
    </message>
</context>
<context>
    <name>_Field</name>
    <message>
        <source>Message</source>
        <translation>消息</translation>
    </message>
</context>
<context>
    <name>_Head</name>
    <message>
        <source>Answer now</source>
        <translation>立即回答</translation>
    </message>
    <message>
        <source>End the thinking here and begin the answer</source>
        <translation>在此结束思考并开始回答</translation>
    </message>
    <message>
        <source>The thinking is shown.</source>
        <translation>思考已展开。</translation>
    </message>
    <message>
        <source>The thinking is folded.</source>
        <translation>思考已折叠。</translation>
    </message>
</context>
<context>
    <name>_SentPrompt</name>
    <message>
        <source>What was sent: {tokens} tokens</source>
        <translation>发送的内容：{tokens} 个词元</translation>
    </message>
    <message>
        <source>The prompt</source>
        <translation>提示词</translation>
    </message>
</context>
<context>
    <name>benchmark</name>
    <message>
        <source>Save the report</source>
        <translation>保存报告</translation>
    </message>
    <message>
        <source>Import benchmark runs</source>
        <translation>导入基准测试运行</translation>
    </message>
    <message>
        <source>Load time</source>
        <translation>加载时间</translation>
    </message>
    <message>
        <source>Time to first token</source>
        <translation>首个词元时间</translation>
    </message>
    <message>
        <source>Peak memory</source>
        <translation>内存峰值</translation>
    </message>
    <message>
        <source>VRAM</source>
        <translation>显存</translation>
    </message>
    <message>
        <source>Power while generating</source>
        <translation>生成时的功率</translation>
    </message>
    <message>
        <source>Tokens per joule</source>
        <translation>每焦耳词元数</translation>
    </message>
    <message>
        <source>Memory speed</source>
        <translation>内存速度</translation>
    </message>
    <message>
        <source>Between two tokens, {share}% at most</source>
        <translation>两个词元之间的间隔，{share}% 的情况不超过</translation>
    </message>
    <message>
        <source>Prompt, {tokens} tokens</source>
        <translation>提示词，{tokens} 个词元</translation>
    </message>
    <message>
        <source>A reply of {tokens} tokens</source>
        <translation>{tokens} 个词元的回答</translation>
    </message>
    <message>
        <source>Generation, {tokens} tokens after {depth}</source>
        <translation>在 {depth} 之后生成 {tokens} 个词元</translation>
    </message>
    <message>
        <source>One reply of {tokens} tokens</source>
        <translation>一个 {tokens} 个词元的回答</translation>
    </message>
    <message>
        <source>{streams} replies at once, {tokens} tokens each</source>
        <translation>{streams} 个回答同时进行，各 {tokens} 个词元</translation>
    </message>
    <message>
        <source>Generation, {tokens} tokens</source>
        <translation>生成，{tokens} 个词元</translation>
    </message>
    <message>
        <source>GB</source>
        <translation>GB</translation>
    </message>
    <message>
        <source>s</source>
        <translation>秒</translation>
    </message>
    <message>
        <source>ms</source>
        <translation>毫秒</translation>
    </message>
    <message>
        <source>tok/s</source>
        <translation>词元/秒</translation>
    </message>
    <message>
        <source>W</source>
        <translation>W</translation>
    </message>
    <message>
        <source>tok/J</source>
        <translation>词元/焦</translation>
    </message>
    <message>
        <source>its limit was measured too low: other programs ran</source>
        <translation>其极限测得过低：当时有其他程序在运行</translation>
    </message>
    <message>
        <source>{share}% of what this memory allows</source>
        <translation>本机内存所允许速度的 {share}%</translation>
    </message>
    <message>
        <source>{share}% of measured compute</source>
        <translation>所测计算能力的 {share}%</translation>
    </message>
    <message>
        <source>faster</source>
        <translation>更快</translation>
    </message>
    <message>
        <source>slower</source>
        <translation>更慢</translation>
    </message>
    <message>
        <source>faster in one, slower in the other</source>
        <translation>有的更快，有的更慢</translation>
    </message>
    <message>
        <source>no difference beyond noise</source>
        <translation>差异不超出波动</translation>
    </message>
    <message>
        <source>not conclusive</source>
        <translation>无法下结论</translation>
    </message>
    <message>
        <source>too few repeats to say</source>
        <translation>重复次数太少，无法下结论</translation>
    </message>
    <message>
        <source>better</source>
        <translation>更好</translation>
    </message>
    <message>
        <source>worse</source>
        <translation>更差</translation>
    </message>
    <message>
        <source>within noise</source>
        <translation>在波动范围内</translation>
    </message>
    <message>
        <source>not conclusive: the repeats scatter too much</source>
        <translation>无法下结论：多次测量过于分散</translation>
    </message>
    <message>
        <source>too few repeats to say: measure again, at least three times</source>
        <translation>重复次数太少，无法下结论：请重新测量，至少三次</translation>
    </message>
    <message>
        <source>Other programs used the processor meanwhile.</source>
        <translation>测试期间其他程序占用了处理器。</translation>
    </message>
    <message>
        <source>The computer ran on battery.</source>
        <translation>电脑使用电池供电。</translation>
    </message>
    <message>
        <source>The processor was at its heat limit.</source>
        <translation>处理器达到了温度上限。</translation>
    </message>
    <message>
        <source>Processor or graphics card slowed down for heat or power.</source>
        <translation>处理器或显卡因温度或功率而降速。</translation>
    </message>
    <message>
        <source>Standard, up to three minutes</source>
        <translation>标准，最多三分钟</translation>
    </message>
    <message>
        <source>Full, without a limit</source>
        <translation>完整，不限时间</translation>
    </message>
    <message>
        <source>Quick, two figures</source>
        <translation>快速，两项数据</translation>
    </message>
    <message>
        <source>Speed at several lengths, latency, replies at once, memory and energy, each three times. Where that would take longer than three minutes, the least important steps are left out.</source>
        <translation>多种长度下的速度、延迟、同时回答、内存与能耗，各测三次。若会超过三分钟，则省略最不重要的步骤。</translation>
    </message>
    <message>
        <source>All that Standard has, five times, and nothing left out: hours on a slow computer.</source>
        <translation>“标准”的全部内容，各测五次，不省略任何步骤：在慢的电脑上需要数小时。</translation>
    </message>
    <message>
        <source>Reading a prompt of 512 tokens and writing 32, three times. Nothing else.</source>
        <translation>读取 512 个词元的提示词并生成 32 个词元，各测三次。不测其他项目。</translation>
    </message>
    <message>
        <source>Reading the model file</source>
        <translation>正在读取模型文件</translation>
    </message>
    <message>
        <source>Loading the model</source>
        <translation>正在加载模型</translation>
    </message>
    <message>
        <source>Measuring the prompt speed</source>
        <translation>正在测量提示词处理速度</translation>
    </message>
    <message>
        <source>Measuring the generation speed</source>
        <translation>正在测量生成速度</translation>
    </message>
    <message>
        <source>Measuring a reply</source>
        <translation>正在测量一次回答</translation>
    </message>
    <message>
        <source>Measuring the time to the first token</source>
        <translation>正在测量首个词元时间</translation>
    </message>
    <message>
        <source>Measuring several replies at once</source>
        <translation>正在测量同时进行的多个回答</translation>
    </message>
    <message>
        <source>Measuring memory and processor</source>
        <translation>正在测量内存和处理器</translation>
    </message>
    <message>
        <source>{step}, warm-up</source>
        <translation>{step}，预热</translation>
    </message>
    <message>
        <source>{step}, {repeat} of {repeats}</source>
        <translation>{step}，第 {repeat} 次，共 {repeats} 次</translation>
    </message>
    <message>
        <source>program</source>
        <translation>程序</translation>
    </message>
    <message>
        <source>processor</source>
        <translation>处理器</translation>
    </message>
    <message>
        <source>graphics card</source>
        <translation>显卡</translation>
    </message>
    <message>
        <source>graphics driver</source>
        <translation>显卡驱动</translation>
    </message>
    <message>
        <source>system</source>
        <translation>系统</translation>
    </message>
    <message>
        <source>model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>quantisation</source>
        <translation>量化</translation>
    </message>
    <message>
        <source>file</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>llama.cpp</source>
        <translation>llama.cpp</translation>
    </message>
    <message>
        <source>Stillroom</source>
        <translation>Stillroom</translation>
    </message>
    <message>
        <source>back end</source>
        <translation>后端</translation>
    </message>
    <message>
        <source>layers on the GPU</source>
        <translation>GPU 层数</translation>
    </message>
    <message>
        <source>threads</source>
        <translation>线程数</translation>
    </message>
    <message>
        <source>context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>batch</source>
        <translation>批大小</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV 缓存</translation>
    </message>
    <message>
        <source>suite</source>
        <translation>测试套件</translation>
    </message>
    <message>
        <source>{field} {before} → {after}</source>
        <translation>{field} {before} → {after}</translation>
    </message>
    <message>
        <source>{model}, not on this computer</source>
        <translation>{model}，不在本机上</translation>
    </message>
    <message>
        <source>over HTTP from {server}, not on this computer · {when}</source>
        <translation>通过 HTTP 来自 {server}，不在本机上 · {when}</translation>
    </message>
    <message>
        <source>driver {version}</source>
        <translation>驱动 {version}</translation>
    </message>
    <message>
        <source>95% interval of the mean: {low} to {high}, n = {n}</source>
        <translation>平均值的 95% 区间：{low} 至 {high}，n = {n}</translation>
    </message>
    <message>
        <source>GENERATION</source>
        <translation>生成</translation>
    </message>
    <message>
        <source>PROMPT</source>
        <translation>提示词</translation>
    </message>
    <message>
        <source>FIRST TOKEN</source>
        <translation>首个词元</translation>
    </message>
    <message>
        <source>EFFICIENCY</source>
        <translation>能效</translation>
    </message>
    <message>
        <source>PEAK MEMORY</source>
        <translation>内存峰值</translation>
    </message>
    <message>
        <source>Generation speed over context</source>
        <translation>生成速度与上下文长度</translation>
    </message>
    <message>
        <source>after {tokens} tokens</source>
        <translation>在 {tokens} 个词元之后</translation>
    </message>
    <message>
        <source>Stillroom {version} · llama.cpp {engine} · mean ± deviation, n = {n}</source>
        <translation>Stillroom {version} · llama.cpp {engine} · 平均值 ± 标准差，n = {n}</translation>
    </message>
    <message>
        <source>Processor</source>
        <translation>处理器</translation>
    </message>
    <message>
        <source>{name}, {cores} cores, {threads} threads</source>
        <translation>{name}，{cores} 核，{threads} 线程</translation>
    </message>
    <message>
        <source>Instruction sets</source>
        <translation>指令集</translation>
    </message>
    <message>
        <source>{size} GB</source>
        <translation>{size} GB</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Graphics card</source>
        <translation>显卡</translation>
    </message>
    <message>
        <source>Graphics driver</source>
        <translation>显卡驱动</translation>
    </message>
    <message>
        <source>System</source>
        <translation>系统</translation>
    </message>
    <message>
        <source>{file}, {size} GB, {parameters} billion parameters</source>
        <translation>{file}，{size} GB，{parameters}B 参数</translation>
    </message>
    <message>
        <source>Model file</source>
        <translation>模型文件</translation>
    </message>
    <message>
        <source>{threads} threads, context {context}, batch {batch}, KV cache {kv_type}</source>
        <translation>{threads} 个线程，上下文 {context}，批大小 {batch}，KV 缓存 {kv_type}</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>{context} tokens, as far as the server tells</source>
        <translation>{context} 个词元（以服务器所述为准）</translation>
    </message>
    <message>
        <source>Server</source>
        <translation>服务器</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>Measured from</source>
        <translation>测量所在的电脑</translation>
    </message>
    <message>
        <source>{one} GB/s with 1 thread, {all} GB/s with {threads}; {model} GB/s over what a token needs</source>
        <translation>1 个线程 {one} GB/s，{threads} 个线程 {all} GB/s；按每个词元所需计 {model} GB/s</translation>
    </message>
    <message>
        <source>Memory speed, measured</source>
        <translation>内存速度（测得）</translation>
    </message>
    <message>
        <source>{speed} GFLOP/s with {type} matrices</source>
        <translation>{speed} GFLOP/s，{type} 矩阵</translation>
    </message>
    <message>
        <source>Computing, measured</source>
        <translation>计算能力（测得）</translation>
    </message>
    <message>
        <source>{speed} GB/s by clock and bus</source>
        <translation>按时钟和总线为 {speed} GB/s</translation>
    </message>
    <message>
        <source>llama-bench&apos;s tg at a depth, behind a prompt of so many random tokens.</source>
        <translation>与 llama-bench 在某一深度的 tg 相同，之前有同样多的随机词元。</translation>
    </message>
    <message>
        <source>llama-batched-bench&apos;s tg: replies to prompts of 16 random tokens, all at once; the tokens of all by the time of the longest.</source>
        <translation>与 llama-batched-bench 的 tg 相同：对 16 个随机词元的提示词同时给出多个回答；全部词元数除以最长的用时。</translation>
    </message>
    <message>
        <source>Over each repeat of the reply, on the engine&apos;s thread.</source>
        <translation>在每次重复的回答中，于引擎线程上测得。</translation>
    </message>
    <message>
        <source>llama-bench&apos;s pp: random tokens, from an empty context.</source>
        <translation>llama-bench 的 pp：随机词元，从空上下文开始。</translation>
    </message>
    <message>
        <source>As a chat gets it, from an empty context: each token is drawn (greedy, past end-of-generation tokens), made text of and sent. The first token belongs to the prompt and is left out.</source>
        <translation>与聊天中所得相同，从空上下文开始：每个词元都经过采样（贪心，越过结束词元）、转为文本并发送。首个词元计入提示词，不计算在内。</translation>
    </message>
    <message>
        <source>llama-bench&apos;s tg: random tokens, one at a time, from an empty context; none is drawn.</source>
        <translation>llama-bench 的 tg：随机词元，逐个计算，从空上下文开始；不做采样。</translation>
    </message>
    <message>
        <source>From the request to the loaded model, the file being in the page cache.</source>
        <translation>从请求到模型加载完成，文件已在页面缓存中。</translation>
    </message>
    <message>
        <source>An English text of about 450 tokens, nothing of it in the cache; from the request&apos;s arrival at the engine to its first token.</source>
        <translation>约 450 个词元的英文文字，缓存中没有其任何部分；从请求到达引擎到其首个词元。</translation>
    </message>
    <message>
        <source>The largest resident memory of the engine&apos;s process, the mapped file included.</source>
        <translation>引擎进程的最大常驻内存，包括映射的文件。</translation>
    </message>
    <message>
        <source>The most that the driver counted for the engine&apos;s process, read after each repeat.</source>
        <translation>驱动程序为引擎进程计的最大值，每次重复后读取。</translation>
    </message>
    <message>
        <source>Energy of the graphics cards, or else of the processor&apos;s package, over a whole generation, by its time.</source>
        <translation>整个生成过程中显卡（否则为处理器封装）的能量除以用时。</translation>
    </message>
    <message>
        <source>Generated tokens by that energy.</source>
        <translation>生成的词元数除以该能量。</translation>
    </message>
    <message>
        <source>Over HTTP: the tokens by which a long prompt and a short one differ, by the server&apos;s own count, by the difference of their times to the first token.</source>
        <translation>通过 HTTP：长提示词与短提示词相差的词元数（按服务器自己的统计），除以两者首个词元时间之差。</translation>
    </message>
    <message>
        <source>Over HTTP: so many stories asked for at once; the tokens of all by the time from asking to the end of the last, prompts included.</source>
        <translation>通过 HTTP：同时请求这么多个故事；全部词元数除以从提问到最后一个结束的时间，包括提示词。</translation>
    </message>
    <message>
        <source>Over HTTP: a story, greedy, of so many tokens if the model does not end it before; the tokens after the first by the time from the first piece to the last, as they arrive here.</source>
        <translation>通过 HTTP：一个贪心生成的故事，除非模型提前结束，否则长度为这么多词元；首个之后的词元数除以从第一段到最后一段到达本机的时间。</translation>
    </message>
    <message>
        <source>Over HTTP: the time between two pieces of that reply, a token each, as they arrive here.</source>
        <translation>通过 HTTP：该回答两段（每段一个词元）到达本机的时间间隔。</translation>
    </message>
    <message>
        <source>Over HTTP: an English text of about 450 tokens, which begins differently each time; from the request to the first piece of the reply, with the way there and back.</source>
        <translation>通过 HTTP：约 450 个词元的英文文本，每次开头不同；从请求到回答第一段的时间，包括往返传输。</translation>
    </message>
    <message>
        <source>Quality of {model}</source>
        <translation>{model} 的质量</translation>
    </message>
    <message>
        <source>The run has not ended: more questions follow.</source>
        <translation>运行尚未结束：还有更多题目。</translation>
    </message>
    <message>
        <source>temperature {temperature}, top-p {top_p}, seed {seed}, at most {tokens} tokens · 95% intervals</source>
        <translation>温度 {temperature}，top-p {top_p}，种子 {seed}，最多 {tokens} 个词元 · 95% 置信区间</translation>
    </message>
    <message>
        <source>Runs of this model file with the same questions; bars are 95% intervals, n = {n}</source>
        <translation>此模型文件使用相同题目的运行；误差线为 95% 置信区间，n = {n}</translation>
    </message>
    <message>
        <source>What is measured</source>
        <translation>测量内容</translation>
    </message>
</context>
<context>
    <name>code languages</name>
    <message>
        <source>Plain text</source>
        <translation>纯文本</translation>
    </message>
</context>
<context>
    <name>data sets</name>
    <message>
        <source>Stillroom dialogues 1</source>
        <translation>Stillroom 多轮对话 1</translation>
    </message>
    <message>
        <source>Stillroom intents 1</source>
        <translation>Stillroom 客户意图 1</translation>
    </message>
    <message>
        <source>Stillroom maths 1</source>
        <translation>Stillroom 数学题 1</translation>
    </message>
    <message>
        <source>Stillroom retention 1</source>
        <translation>Stillroom 长文记忆 1</translation>
    </message>
    <message>
        <source>Stillroom&apos;s own text</source>
        <translation>Stillroom 自带的文字</translation>
    </message>
    <message>
        <source>Stillroom&apos;s programming tasks</source>
        <translation>Stillroom 编程题</translation>
    </message>
    <message>
        <source>WikiText-103 validation</source>
        <translation>WikiText-103 验证集</translation>
    </message>
</context>
<context>
    <name>documents</name>
    <message>
        <source>page {page}</source>
        <translation>第 {page} 页</translation>
    </message>
    <message>
        <source>pages {page} to {last}</source>
        <translation>第 {page}–{last} 页</translation>
    </message>
</context>
<context>
    <name>durations</name>
    <message>
        <source>{seconds} s</source>
        <translation>{seconds} 秒</translation>
    </message>
    <message>
        <source>{minutes} min {seconds:02} s</source>
        <translation>{minutes} 分 {seconds:02} 秒</translation>
    </message>
    <message>
        <source>{hours} h {minutes:02} min</source>
        <translation>{hours} 小时 {minutes:02} 分</translation>
    </message>
</context>
<context>
    <name>errors</name>
    <message>
        <source>A GGUF file cannot be turned into {type}.</source>
        <translation>GGUF 文件不能转换为 {type}。</translation>
    </message>
    <message>
        <source>A benchmark run that is not finished</source>
        <translation>一次未完成的基准测试</translation>
    </message>
    <message>
        <source>A document</source>
        <translation>一份文档</translation>
    </message>
    <message>
        <source>A llama-cpp-python wheel with CUDA can be brought: see docs/cuda.md.</source>
        <translation>可以自行提供带 CUDA 的 llama-cpp-python wheel 文件：见 docs/cuda.md。</translation>
    </message>
    <message>
        <source>A message</source>
        <translation>一条消息</translation>
    </message>
    <message>
        <source>A message of the chat “{title}” (“{start}”)</source>
        <translation>聊天“{title}”中的一条消息（“{start}”）</translation>
    </message>
    <message>
        <source>A quantised KV cache needs flash attention, which is switched off.</source>
        <translation>量化的 KV 缓存需要 Flash attention，但它已关闭。</translation>
    </message>
    <message>
        <source>A reply is being written.</source>
        <translation>正在写回答。</translation>
    </message>
    <message>
        <source>A request has either Content-Length or Transfer-Encoding.</source>
        <translation>请求只能带有 Content-Length 或 Transfer-Encoding 之一。</translation>
    </message>
    <message>
        <source>A run of golden answers of {file}</source>
        <translation>{file} 的一次基准回答运行</translation>
    </message>
    <message>
        <source>A running local API is not found until it is switched off and on again.</source>
        <translation>正在运行的本地 API 要关闭再打开之后才能被找到。</translation>
    </message>
    <message>
        <source>A setting cannot have this value: {reason}.</source>
        <translation>设置不能取此值：{reason}。</translation>
    </message>
    <message>
        <source>A suffix goes with a prompt of text.</source>
        <translation>suffix 只能与文本提示词一起使用。</translation>
    </message>
    <message>
        <source>A summary of the chat “{title}”</source>
        <translation>聊天“{title}”的一份总结</translation>
    </message>
    <message>
        <source>All settings are back to their defaults.</source>
        <translation>所有设置都恢复为默认值。</translation>
    </message>
    <message>
        <source>An entry</source>
        <translation>一个条目</translation>
    </message>
    <message>
        <source>An id looks like owner/name.</source>
        <translation>ID 的形式为 owner/name。</translation>
    </message>
    <message>
        <source>Another Stillroom is downloading into {folder} already.</source>
        <translation>另一个 Stillroom 正在下载到 {folder}。</translation>
    </message>
    <message>
        <source>Another Stillroom is getting or removing NVIDIA&apos;s libraries just now.</source>
        <translation>另一个 Stillroom 正在获取或移除 NVIDIA 的库。</translation>
    </message>
    <message>
        <source>Bring one that was made with llama-cpp-python {version}.</source>
        <translation>请提供用 llama-cpp-python {version} 制作的文件。</translation>
    </message>
    <message>
        <source>Bring the wheel that “make engine ENGINE_FLAGS=--cuda” makes (docs/cuda.md). NVIDIA&apos;s cards are used through Vulkan meanwhile.</source>
        <translation>请提供由“make engine ENGINE_FLAGS=--cuda”制作的 wheel 文件（见 docs/cuda.md）。在此之前，NVIDIA 显卡通过 Vulkan 使用。</translation>
    </message>
    <message>
        <source>Build bf16 instead; it has the range of the original weights.</source>
        <translation>请改为构建 bf16；它的数值范围与原始权重相同。</translation>
    </message>
    <message>
        <source>Build bf16, f16 or f32 instead.</source>
        <translation>请改为构建 bf16、f16 或 f32。</translation>
    </message>
    <message>
        <source>Build it with “stillroom build”, or chat with it.</source>
        <translation>请用“stillroom build”构建，或直接与它聊天。</translation>
    </message>
    <message>
        <source>Build them with: stillroom build {folder} --type {type}</source>
        <translation>构建命令：stillroom build {folder} --type {type}</translation>
    </message>
    <message>
        <source>Build {type} from the model&apos;s original weights.</source>
        <translation>请从模型的原始权重构建 {type}。</translation>
    </message>
    <message>
        <source>CUDA was tried and is not used: {failure}</source>
        <translation>已试用 CUDA，但未启用：{failure}</translation>
    </message>
    <message>
        <source>Change their permissions, or set STILLROOM_HOME to a folder that you may write to.</source>
        <translation>请更改其权限，或把 STILLROOM_HOME 设为可写入的文件夹。</translation>
    </message>
    <message>
        <source>Check that it is there and that you may read it.</source>
        <translation>请检查它是否存在以及是否可读。</translation>
    </message>
    <message>
        <source>Check that the disk has free space and that Stillroom may write to its data folder.</source>
        <translation>请检查磁盘是否有可用空间，以及 Stillroom 能否写入其数据文件夹。</translation>
    </message>
    <message>
        <source>Check that the disk is not full and that Stillroom&apos;s data folder may be written to.</source>
        <translation>请检查磁盘是否已满，以及 Stillroom 的数据文件夹是否可写。</translation>
    </message>
    <message>
        <source>Check that the file exists and that you may read it.</source>
        <translation>请检查文件是否存在以及是否可读。</translation>
    </message>
    <message>
        <source>Check that the file is still there, or download and build the model again.</source>
        <translation>请检查文件是否还在，或重新下载并构建模型。</translation>
    </message>
    <message>
        <source>Check that the folder may be written and that the disk is not full.</source>
        <translation>请检查文件夹是否可写，以及磁盘是否已满。</translation>
    </message>
    <message>
        <source>Check that the folder may be written to and that its disk is healthy.</source>
        <translation>请检查文件夹是否可写，以及磁盘是否正常。</translation>
    </message>
    <message>
        <source>Check the path, or name a model of “stillroom list”.</source>
        <translation>请检查路径，或指定“stillroom list”中的模型。</translation>
    </message>
    <message>
        <source>Check the path.</source>
        <translation>请检查路径。</translation>
    </message>
    <message>
        <source>Checksums of {file} are lost ({count}); nothing else says that what they were for is damaged.</source>
        <translation>{file} 丢失了 {count} 个校验和；没有其他迹象表明它们对应的内容已损坏。</translation>
    </message>
    <message>
        <source>Choose a JSON file that Stillroom exported.</source>
        <translation>请选择由 Stillroom 导出的 JSON 文件。</translation>
    </message>
    <message>
        <source>Choose a file of {repo} that is whole, or build the model from its original weights.</source>
        <translation>请选择 {repo} 中未拆分的文件，或用原始权重构建模型。</translation>
    </message>
    <message>
        <source>Choose a folder that you may write to.</source>
        <translation>请选择可写入的文件夹。</translation>
    </message>
    <message>
        <source>Choose a folder with the model&apos;s original files, or download them again.</source>
        <translation>请选择含有模型原始文件的文件夹，或重新下载。</translation>
    </message>
    <message>
        <source>Choose a model and load it first.</source>
        <translation>请先选择并加载模型。</translation>
    </message>
    <message>
        <source>Choose a model at the top of the window, then ask again.</source>
        <translation>请在窗口顶部选择模型，然后再提问。</translation>
    </message>
    <message>
        <source>Choose a model of it in the window once: that asks whether it may.</source>
        <translation>请先在窗口中选择它的一个模型：届时会询问是否允许。</translation>
    </message>
    <message>
        <source>Choose a repository with .safetensors files.</source>
        <translation>请选择含有 .safetensors 文件的仓库。</translation>
    </message>
    <message>
        <source>Choose a repository with .safetensors or .gguf files.</source>
        <translation>请选择含有 .safetensors 或 .gguf 文件的仓库。</translation>
    </message>
    <message>
        <source>Choose a repository with a complete checkpoint (config.json, tokenizer.json, .safetensors).</source>
        <translation>请选择含有完整检查点（config.json、tokenizer.json、.safetensors）的仓库。</translation>
    </message>
    <message>
        <source>Choose a smaller quantisation or context, or close other programs.</source>
        <translation>请选择更小的量化版本或上下文，或关闭其他程序。</translation>
    </message>
    <message>
        <source>Choose another chat from the list.</source>
        <translation>请从列表中选择其他聊天。</translation>
    </message>
    <message>
        <source>Choose another folder.</source>
        <translation>请选择其他文件夹。</translation>
    </message>
    <message>
        <source>Choose another model for chats.</source>
        <translation>请为聊天选择其他模型。</translation>
    </message>
    <message>
        <source>Choose another name.</source>
        <translation>请选择其他名称。</translation>
    </message>
    <message>
        <source>Choose another repository.</source>
        <translation>请选择其他仓库。</translation>
    </message>
    <message>
        <source>Choose at least one, such as Q4_K_M.</source>
        <translation>请至少选择一种，例如 Q4_K_M。</translation>
    </message>
    <message>
        <source>Choose one of {types}.</source>
        <translation>请选择以下之一：{types}。</translation>
    </message>
    <message>
        <source>Choose the repository with the original bf16, f16 or f32 weights.</source>
        <translation>请选择含有原始 bf16、f16 或 f32 权重的仓库。</translation>
    </message>
    <message>
        <source>Choose the smallest model, or use a graphics card.</source>
        <translation>请选择最小的模型，或使用显卡。</translation>
    </message>
    <message>
        <source>Choose the starter or R1 Qwen 1.5B with a short context.</source>
        <translation>请选择入门模型，或上下文较短的 R1 Qwen 1.5B。</translation>
    </message>
    <message>
        <source>Close Stillroom and run “stillroom cuda remove”.</source>
        <translation>请关闭 Stillroom，然后运行“stillroom cuda remove”。</translation>
    </message>
    <message>
        <source>Close other Stillrooms, and check that the folder may be written to.</source>
        <translation>请关闭其他 Stillroom，并检查该文件夹是否可写。</translation>
    </message>
    <message>
        <source>Close other programs before you load a model.</source>
        <translation>加载模型前请关闭其他程序。</translation>
    </message>
    <message>
        <source>Close other programs, or use the starter model.</source>
        <translation>请关闭其他程序，或使用入门模型。</translation>
    </message>
    <message>
        <source>Close other programs, then try again.</source>
        <translation>请关闭其他程序，然后重试。</translation>
    </message>
    <message>
        <source>Close them before you load a large model.</source>
        <translation>加载大模型前请关闭它们。</translation>
    </message>
    <message>
        <source>Convert it to UTF-8 in another editor first, then open it here.</source>
        <translation>请先在其他编辑器中转换为 UTF-8，再在此打开。</translation>
    </message>
    <message>
        <source>Copy the address of the model&apos;s own page, such as https://huggingface.co/owner/name.</source>
        <translation>请复制模型自己页面的网址，例如 https://huggingface.co/owner/name。</translation>
    </message>
    <message>
        <source>Correct it in the model&apos;s settings and load again.</source>
        <translation>请在模型设置中更正，然后重新加载。</translation>
    </message>
    <message>
        <source>Correct it in the sampling settings.</source>
        <translation>请在采样设置中更正。</translation>
    </message>
    <message>
        <source>Data sets are asked for at the hub again before they are used.</source>
        <translation>数据集在使用之前会重新向模型库查询。</translation>
    </message>
    <message>
        <source>Delete it and get the model again; the other files are used.</source>
        <translation>请删除它并重新获取模型；其他文件会继续使用。</translation>
    </message>
    <message>
        <source>Delete the new file first to bring the old one back.</source>
        <translation>请先删除新文件，再恢复旧文件。</translation>
    </message>
    <message>
        <source>Did you mean {near}?</source>
        <translation>你是指 {near} 吗？</translation>
    </message>
    <message>
        <source>Download it again.</source>
        <translation>请重新下载。</translation>
    </message>
    <message>
        <source>Download or build it again; a file that does not match its own header is not opened.</source>
        <translation>请重新下载或构建；与自身文件头不符的文件不会打开。</translation>
    </message>
    <message>
        <source>Download the model again with all of its files; Stillroom needs its tokenizer.json.</source>
        <translation>请重新下载模型的全部文件；Stillroom 需要其中的 tokenizer.json。</translation>
    </message>
    <message>
        <source>Download the model again.</source>
        <translation>请重新下载模型。</translation>
    </message>
    <message>
        <source>Download the model again; a weight file is missing or belongs to another model.</source>
        <translation>请重新下载模型；有权重文件缺失或属于其他模型。</translation>
    </message>
    <message>
        <source>Download the model again; its config.json is not right.</source>
        <translation>请重新下载模型；其 config.json 有误。</translation>
    </message>
    <message>
        <source>Download the model again; its files do not belong together.</source>
        <translation>请重新下载模型；其文件互不匹配。</translation>
    </message>
    <message>
        <source>Download the model again; this file is not what its publisher uploaded.</source>
        <translation>请重新下载模型；此文件与发布者上传的不同。</translation>
    </message>
    <message>
        <source>Free some space, or set STILLROOM_HOME to a folder on another disk.</source>
        <translation>请腾出一些空间，或把 STILLROOM_HOME 设为其他磁盘上的文件夹。</translation>
    </message>
    <message>
        <source>Get it again from the package index.</source>
        <translation>请从软件包索引重新获取。</translation>
    </message>
    <message>
        <source>Get it with: stillroom build {model} --type {type}</source>
        <translation>获取命令：stillroom build {model} --type {type}</translation>
    </message>
    <message>
        <source>Get one on the Models tab, or with “stillroom build {model} --type Q4_K_M”.</source>
        <translation>请在“模型”页获取一个，或使用“stillroom build {model} --type Q4_K_M”。</translation>
    </message>
    <message>
        <source>Get them again: “stillroom cuda get”.</source>
        <translation>请重新获取：“stillroom cuda get”。</translation>
    </message>
    <message>
        <source>How fast this computer is, is measured again.</source>
        <translation>本机的速度会重新测量。</translation>
    </message>
    <message>
        <source>If the change is yours, take the line “checksum” out of the file. If not, open the input filter and start again with the shipped rules.</source>
        <translation>如果是你自己改的，请把文件中“checksum”那一行删掉；如果不是，请打开输入过滤器，用自带的规则重新开始。</translation>
    </message>
    <message>
        <source>If you did not change it, see whether everything in it is as it should be.</source>
        <translation>如果你没有改过它，请看看其中的内容是否都正确。</translation>
    </message>
    <message>
        <source>Install driver {needed} or newer.</source>
        <translation>请安装驱动 {needed} 或更新版本。</translation>
    </message>
    <message>
        <source>Install it with: pip install &quot;stillroom[starter]&quot;</source>
        <translation>安装命令：pip install &quot;stillroom[starter]&quot;</translation>
    </message>
    <message>
        <source>Install or renew the card&apos;s driver, the Vulkan one included.</source>
        <translation>请安装或更新显卡驱动，包括 Vulkan 驱动。</translation>
    </message>
    <message>
        <source>Install the driver of your distribution (on Debian: nvidia-driver; on Ubuntu: “ubuntu-drivers install”), or from nvidia.com, and restart the computer.</source>
        <translation>请安装发行版提供的驱动（Debian：nvidia-driver；Ubuntu：“ubuntu-drivers install”），或从 nvidia.com 安装，然后重启电脑。</translation>
    </message>
    <message>
        <source>It has: {models}. Refresh them in the window&apos;s settings, under Servers elsewhere.</source>
        <translation>它有：{models}。请在窗口设置的“其他地方的服务器”中刷新。</translation>
    </message>
    <message>
        <source>It held a download or a build: ask for the model again, and what was fetched of it is used.</source>
        <translation>其中记录的是一次下载或构建：请重新获取该模型，已经下载的部分会继续使用。</translation>
    </message>
    <message>
        <source>It looks like https://mirror.example/simple.</source>
        <translation>地址的形式类似 https://mirror.example/simple。</translation>
    </message>
    <message>
        <source>It must be in llama.cpp&apos;s GBNF form and have the rule &quot;root&quot;.</source>
        <translation>它必须采用 llama.cpp 的 GBNF 格式，并包含规则“root”。</translation>
    </message>
    <message>
        <source>It runs elsewhere, and long prompts may cost others there their turn.</source>
        <translation>它在别处运行，长提示词可能会占用那里其他人的时间。</translation>
    </message>
    <message>
        <source>It runs elsewhere.</source>
        <translation>它在别处运行。</translation>
    </message>
    <message>
        <source>It takes no space in your folder.</source>
        <translation>它不占用你文件夹的空间。</translation>
    </message>
    <message>
        <source>Its model can be used; where it came from is not known. Get it again, or add it again if it lies elsewhere.</source>
        <translation>模型仍然可以使用，但它的来源已不可知。请重新获取；如果文件在别处，请重新添加。</translation>
    </message>
    <message>
        <source>Keep one set of weight files in the folder, or download the model again.</source>
        <translation>请在文件夹中只保留一套权重文件，或重新下载模型。</translation>
    </message>
    <message>
        <source>Leave the revision out for the newest one, or see {endpoint}/{repo}/commits/main.</source>
        <translation>不指定版本即可获取最新版，也可查看 {endpoint}/{repo}/commits/main。</translation>
    </message>
    <message>
        <source>Load the model again, with a smaller context or fewer layers on the graphics card, or choose another model.</source>
        <translation>请重新加载模型并减小上下文或 GPU 层数，或选择其他模型。</translation>
    </message>
    <message>
        <source>Load the model with a larger context and run the benchmark again.</source>
        <translation>请用更大的上下文加载模型，然后重新运行基准测试。</translation>
    </message>
    <message>
        <source>Look at the connection, name a mirror, or bring the files.</source>
        <translation>请检查网络连接、指定镜像，或自行提供这些文件。</translation>
    </message>
    <message>
        <source>Look at the connection, name a mirror, or bring the files. What has arrived is kept.</source>
        <translation>请检查网络连接、指定镜像，或自行提供这些文件。已下载的部分会保留。</translation>
    </message>
    <message>
        <source>Look for a newer file of this model, or build it again.</source>
        <translation>请寻找此模型的更新文件，或重新构建。</translation>
    </message>
    <message>
        <source>Look for a ready-made GGUF file of this model.</source>
        <translation>请寻找此模型的现成 GGUF 文件。</translation>
    </message>
    <message>
        <source>Look for another file of this model, or build it again.</source>
        <translation>请查找该模型的其他文件，或重新构建。</translation>
    </message>
    <message>
        <source>Memory is too short for {name}, the model that should guess ahead, beside this one: it was left out.</source>
        <translation>内存不足，无法在此模型旁边再放下用于预测的模型 {name}，因此未加载它。</translation>
    </message>
    <message>
        <source>More failed the last time, so no other model guesses ahead.</source>
        <translation>上次尝试更多时失败，因此不使用另一个模型进行预测。</translation>
    </message>
    <message>
        <source>Move it away, or download into an empty folder.</source>
        <translation>请把它移走，或下载到空文件夹。</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s driver does not answer ({state}). {native}</source>
        <translation>NVIDIA 驱动没有响应（{state}）。{native}</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s libraries are here, but were not tried yet.</source>
        <translation>NVIDIA 的库已就位，但尚未试用。</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s libraries are missing: pip install nvidia-cuda-runtime nvidia-cublas</source>
        <translation>缺少 NVIDIA 的库：pip install nvidia-cuda-runtime nvidia-cublas</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s libraries are switched off, but cannot be deleted: {native}.</source>
        <translation>NVIDIA 的库已停用，但无法删除：{native}。</translation>
    </message>
    <message>
        <source>NVIDIA&apos;s libraries cannot be written to {folder}: {native}.</source>
        <translation>无法将 NVIDIA 的库写入 {folder}：{native}。</translation>
    </message>
    <message>
        <source>Name a .gguf file, or the folder that holds config.json and the .safetensors files.</source>
        <translation>请指定 .gguf 文件，或含有 config.json 和 .safetensors 文件的文件夹。</translation>
    </message>
    <message>
        <source>Name a model of “stillroom list”, a Hugging Face id (owner/name), a folder or a GGUF file.</source>
        <translation>请指定“stillroom list”中的模型、Hugging Face ID (owner/name)、文件夹或 GGUF 文件。</translation>
    </message>
    <message>
        <source>Name another mirror, or bring the file.</source>
        <translation>请换一个镜像，或自行提供该文件。</translation>
    </message>
    <message>
        <source>Name another mirror, or bring the files.</source>
        <translation>请换一个镜像，或自行提供这些文件。</translation>
    </message>
    <message>
        <source>Name one of them as {repo}:FILE, such as {choices}.</source>
        <translation>请用 {repo}:FILE 的形式指定其中一个，例如 {choices}。</translation>
    </message>
    <message>
        <source>Name the folder that holds config.json and the .safetensors files, or one .gguf file.</source>
        <translation>请指定含有 config.json 和 .safetensors 文件的文件夹，或一个 .gguf 文件。</translation>
    </message>
    <message>
        <source>No model is loaded.</source>
        <translation>尚未加载模型。</translation>
    </message>
    <message>
        <source>No model was named.</source>
        <translation>没有指定模型。</translation>
    </message>
    <message>
        <source>No type was chosen to build.</source>
        <translation>没有选择要构建的类型。</translation>
    </message>
    <message>
        <source>None of the R1 models fits into the {free} GB of memory that are free.</source>
        <translation>可用内存只有 {free} GB，放不下任何 R1 模型。</translation>
    </message>
    <message>
        <source>Nothing may be sent to {host} yet.</source>
        <translation>目前还不允许向 {host} 发送任何内容。</translation>
    </message>
    <message>
        <source>On Debian or Ubuntu: apt install {packages}</source>
        <translation>在 Debian 或 Ubuntu 上：apt install {packages}</translation>
    </message>
    <message>
        <source>On Windows Stillroom runs Python and JavaScript.</source>
        <translation>在 Windows 上，Stillroom 可运行 Python 和 JavaScript。</translation>
    </message>
    <message>
        <source>Only {free} GB of {total} GB of memory are free.</source>
        <translation>{total} GB 内存中只有 {free} GB 可用。</translation>
    </message>
    <message>
        <source>Open a smaller file, or cut out the part you need.</source>
        <translation>请打开较小的文件，或只截取需要的部分。</translation>
    </message>
    <message>
        <source>Open a text file, such as program source or data.</source>
        <translation>请打开文本文件，例如程序源代码或数据。</translation>
    </message>
    <message>
        <source>Open the chat again.</source>
        <translation>请重新打开聊天。</translation>
    </message>
    <message>
        <source>Other programs hold more than half of the memory of {name}.</source>
        <translation>其他程序占用了 {name} 一半以上的内存。</translation>
    </message>
    <message>
        <source>Put it back, or get the model again.</source>
        <translation>请把它放回原处，或重新获取模型。</translation>
    </message>
    <message>
        <source>Put what comes behind into the prompt.</source>
        <translation>请把后面的内容放进提示词中。</translation>
    </message>
    <message>
        <source>Renew the card&apos;s driver.</source>
        <translation>请更新显卡驱动。</translation>
    </message>
    <message>
        <source>Repair the installation, or allow the program in your security software.</source>
        <translation>请修复安装，或在安全软件中允许此程序。</translation>
    </message>
    <message>
        <source>Replies may differ a little. A newer file of the model may hold a sound template.</source>
        <translation>回答可能略有不同。该模型的新文件可能带有正常的模板。</translation>
    </message>
    <message>
        <source>Restart the computer, or renew the card&apos;s driver.</source>
        <translation>请重新启动电脑，或更新显卡驱动。</translation>
    </message>
    <message>
        <source>Restart the computer; if that does not help, install the driver again.</source>
        <translation>请重启电脑；如果仍无效，请重新安装驱动。</translation>
    </message>
    <message>
        <source>Run “stillroom tune” for it without --show.</source>
        <translation>请不带 --show 运行“stillroom tune”。</translation>
    </message>
    <message>
        <source>Save under another name, or overwrite it, or reload it and lose the changes made here.</source>
        <translation>请以其他名称保存、覆盖它，或重新载入并丢弃在此所做的更改。</translation>
    </message>
    <message>
        <source>See “stillroom list” for the models to choose from.</source>
        <translation>可选的模型见“stillroom list”。</translation>
    </message>
    <message>
        <source>See whether {endpoint}/{repo} opens in a browser.</source>
        <translation>请查看 {endpoint}/{repo} 能否在浏览器中打开。</translation>
    </message>
    <message>
        <source>Select fewer lines, or load the model with a larger context.</source>
        <translation>请少选几行，或用更大的上下文加载模型。</translation>
    </message>
    <message>
        <source>Send a part of it.</source>
        <translation>请只发送其中一部分。</translation>
    </message>
    <message>
        <source>Send the message again: the model is loaded again by itself. If it happens again, choose a smaller model or context.</source>
        <translation>请重新发送消息：模型会自动重新加载。如果再次发生，请选择更小的模型或上下文。</translation>
    </message>
    <message>
        <source>Send the message again: the model is loaded again by itself. If it happens again, load it with a smaller context or fewer layers on the graphics card.</source>
        <translation>请重新发送消息：模型会自动重新加载。如果再次发生，请减小上下文或 GPU 层数后加载。</translation>
    </message>
    <message>
        <source>Set flash attention to automatic, or the KV cache to f16.</source>
        <translation>请把 Flash attention 设为自动，或把 KV 缓存设为 f16。</translation>
    </message>
    <message>
        <source>Shorten it, or choose a larger context with --context.</source>
        <translation>请缩短它，或用 --context 选择更大的上下文。</translation>
    </message>
    <message>
        <source>Shorten the conversation, or load the model with a larger context.</source>
        <translation>请缩短对话，或用更大的上下文加载模型。</translation>
    </message>
    <message>
        <source>So was more of {file} ({count}).</source>
        <translation>{file} 中还有 {count} 处同样受损。</translation>
    </message>
    <message>
        <source>Some settings could not be used and are back to their defaults: {names}.</source>
        <translation>部分设置无法使用，已恢复默认值：{names}。</translation>
    </message>
    <message>
        <source>Something went wrong that Stillroom did not expect: {reason}.</source>
        <translation>发生了 Stillroom 未预料到的错误：{reason}。</translation>
    </message>
    <message>
        <source>Start Stillroom from a desktop session for the window.</source>
        <translation>请从桌面会话启动 Stillroom 以使用窗口。</translation>
    </message>
    <message>
        <source>Start a new chat, or remove the system prompt and try again.</source>
        <translation>请开始新聊天，或移除系统提示词后重试。</translation>
    </message>
    <message>
        <source>Start a new chat, or send less at once.</source>
        <translation>请开始新的聊天，或一次少发送一些内容。</translation>
    </message>
    <message>
        <source>Start the download again; files that are the same are kept.</source>
        <translation>请重新开始下载；相同的文件会保留。</translation>
    </message>
    <message>
        <source>Stillroom converts models with a byte-level BPE vocabulary. Look for a ready-made GGUF file.</source>
        <translation>Stillroom 只转换使用字节级 BPE 词表的模型。请寻找现成的 GGUF 文件。</translation>
    </message>
    <message>
        <source>Stillroom converts plain Llama, Qwen2 and Qwen3 models; use the model&apos;s original weights.</source>
        <translation>Stillroom 只转换标准的 Llama、Qwen2 和 Qwen3 模型；请使用模型的原始权重。</translation>
    </message>
    <message>
        <source>Stillroom converts safetensors only: choose a repository that has them.</source>
        <translation>Stillroom 只转换 safetensors：请选择含有它们的仓库。</translation>
    </message>
    <message>
        <source>Stillroom converts {supported}. For another model, look for a ready-made GGUF file.</source>
        <translation>Stillroom 可转换 {supported}。其他模型请寻找现成的 GGUF 文件。</translation>
    </message>
    <message>
        <source>Stillroom does not build the type {type}.</source>
        <translation>Stillroom 不构建 {type} 类型。</translation>
    </message>
    <message>
        <source>Stillroom may not write to {folders}.</source>
        <translation>Stillroom 无权写入 {folders}。</translation>
    </message>
    <message>
        <source>The Code tab begins empty.</source>
        <translation>代码页从空白开始。</translation>
    </message>
    <message>
        <source>The GGUF file {file} has the format version {version}, which llama.cpp does not read here.</source>
        <translation>GGUF 文件 {file} 的格式版本为 {version}，此处的 llama.cpp 无法读取。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: it has two tokens of the same text.</source>
        <translation>GGUF 文件 {file} 已损坏：其中有两个文本相同的词元。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: it holds more entries than any model.</source>
        <translation>GGUF 文件 {file} 已损坏：其条目比任何模型都多。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: it holds the name {part}.</source>
        <translation>GGUF 文件 {file} 已损坏：其中含有名称 {part}。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: {part} has a value that no model has.</source>
        <translation>GGUF 文件 {file} 已损坏：{part} 的值是任何模型都不会有的。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: {part} is longer than any vocabulary.</source>
        <translation>GGUF 文件 {file} 已损坏：{part} 比任何词表都长。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: {part} is of type {type}, but vectors are F32.</source>
        <translation>GGUF 文件 {file} 已损坏：{part} 的类型是 {type}，而向量应为 F32。</translation>
    </message>
    <message>
        <source>The JSON has more than {count} values.</source>
        <translation>JSON 的值超过 {count} 个。</translation>
    </message>
    <message>
        <source>The address {address} names no model repository.</source>
        <translation>网址 {address} 不是模型仓库的地址。</translation>
    </message>
    <message>
        <source>The answer {item} of the quality run of {time}</source>
        <translation>{time} 的质量测试中的回答 {item}</translation>
    </message>
    <message>
        <source>The architecture {architecture} is not supported.</source>
        <translation>不支持 {architecture} 架构。</translation>
    </message>
    <message>
        <source>The attention heads in config.json do not fit together ({heads} heads, {kv_heads} for keys, {head_dim} wide).</source>
        <translation>config.json 中的注意力头互不匹配（{heads} 个头，键 {kv_heads} 个，宽度 {head_dim}）。</translation>
    </message>
    <message>
        <source>The benchmark history could not be read or written: {reason}.</source>
        <translation>无法读取或写入基准测试记录：{reason}。</translation>
    </message>
    <message>
        <source>The benchmark history was written by a newer Stillroom (schema {found}, here {known}).</source>
        <translation>基准测试记录由更新版本的 Stillroom 写入（格式版本 {found}，此处为 {known}）。</translation>
    </message>
    <message>
        <source>The benchmark run of {time}</source>
        <translation>{time} 的基准测试</translation>
    </message>
    <message>
        <source>The benchmark&apos;s reply ended after {found} of {wanted} tokens.</source>
        <translation>基准测试的回答只生成了 {wanted} 个词元中的 {found} 个。</translation>
    </message>
    <message>
        <source>The build process ended unexpectedly (code {code}).</source>
        <translation>构建进程意外结束（代码 {code}）。</translation>
    </message>
    <message>
        <source>The card {name} is not used: its driver {driver} is too old for CUDA 13.</source>
        <translation>未使用显卡 {name}：其驱动 {driver} 太旧，不支持 CUDA 13。</translation>
    </message>
    <message>
        <source>The chat could not be written to {path}: {reason}.</source>
        <translation>无法把聊天写入 {path}：{reason}。</translation>
    </message>
    <message>
        <source>The chat template of {name} cannot be read. Stillroom uses its own for {family} instead.</source>
        <translation>无法读取 {name} 的聊天模板。Stillroom 改用自带的 {family} 模板。</translation>
    </message>
    <message>
        <source>The chat template of {name} could not be applied: the computer is too busy.</source>
        <translation>无法应用 {name} 的聊天模板：电脑太忙。</translation>
    </message>
    <message>
        <source>The chat template of {name} ends the process that applies it. Stillroom uses its own for {family} instead.</source>
        <translation>{name} 的聊天模板会使应用它的进程终止。Stillroom 改用自带的 {family} 模板。</translation>
    </message>
    <message>
        <source>The chat template of {name} takes too long. Stillroom uses its own for {family} instead.</source>
        <translation>{name} 的聊天模板耗时过长。Stillroom 改用自带的 {family} 模板。</translation>
    </message>
    <message>
        <source>The chat template of {name} takes too much memory. Stillroom uses its own for {family} instead.</source>
        <translation>{name} 的聊天模板占用内存过多。Stillroom 改用自带的 {family} 模板。</translation>
    </message>
    <message>
        <source>The chat “{title}”</source>
        <translation>聊天“{title}”</translation>
    </message>
    <message>
        <source>The chats could not be read or saved: {reason}.</source>
        <translation>无法读取或保存聊天：{reason}。</translation>
    </message>
    <message>
        <source>The checkpoint has no tensor {tensor}.</source>
        <translation>检查点中没有张量 {tensor}。</translation>
    </message>
    <message>
        <source>The checkpoint has no {file}.</source>
        <translation>检查点中没有 {file}。</translation>
    </message>
    <message>
        <source>The checkpoint holds the tensor {tensor}, which {architecture} models do not have.</source>
        <translation>检查点含有张量 {tensor}，而 {architecture} 模型没有此张量。</translation>
    </message>
    <message>
        <source>The computer has {total} GB of memory, enough for the smallest models only.</source>
        <translation>本机内存为 {total} GB，只够运行最小的模型。</translation>
    </message>
    <message>
        <source>The config.json of {repo} cannot be read.</source>
        <translation>无法读取 {repo} 的 config.json。</translation>
    </message>
    <message>
        <source>The conversation could not be prepared for {name}.</source>
        <translation>无法为 {name} 准备这段对话。</translation>
    </message>
    <message>
        <source>The conversation is too long for any model.</source>
        <translation>对话过长，没有模型能够容纳。</translation>
    </message>
    <message>
        <source>The deleted model is gone for good.</source>
        <translation>已删除的模型无法恢复。</translation>
    </message>
    <message>
        <source>The disk has {free} GB free; {model} needs {need} GB while it is built.</source>
        <translation>磁盘可用 {free} GB；构建 {model} 期间需要 {need} GB。</translation>
    </message>
    <message>
        <source>The document {name} of the chat “{title}”</source>
        <translation>聊天“{title}”中的文档 {name}</translation>
    </message>
    <message>
        <source>The download cannot be written to {folder}: {reason}.</source>
        <translation>无法把下载内容写入 {folder}：{reason}。</translation>
    </message>
    <message>
        <source>The engine could not be started: {reason}.</source>
        <translation>无法启动引擎：{reason}。</translation>
    </message>
    <message>
        <source>The engine stopped unexpectedly ({reason}).</source>
        <translation>引擎意外停止（{reason}）。</translation>
    </message>
    <message>
        <source>The engine stopped {times} times within a minute, so it is not started again by itself.</source>
        <translation>引擎在一分钟内停止了 {times} 次，因此不再自动启动。</translation>
    </message>
    <message>
        <source>The engine was ended from outside, most likely because the memory ran out.</source>
        <translation>引擎被外部终止，很可能是内存耗尽。</translation>
    </message>
    <message>
        <source>The file of {name} {type} is gone: {path}.</source>
        <translation>{name} {type} 的文件已不存在：{path}。</translation>
    </message>
    <message>
        <source>The file {file} cannot be read: {reason}.</source>
        <translation>无法读取文件 {file}：{reason}。</translation>
    </message>
    <message>
        <source>The file {file} does not exist.</source>
        <translation>文件 {file} 不存在。</translation>
    </message>
    <message>
        <source>The file {file} is damaged.</source>
        <translation>文件 {file} 已损坏。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: {reason}.</source>
        <translation>文件 {file} 已损坏：{reason}。</translation>
    </message>
    <message>
        <source>The file {file} is not a GGUF file.</source>
        <translation>文件 {file} 不是 GGUF 文件。</translation>
    </message>
    <message>
        <source>The file {file} is too large to be what its name says.</source>
        <translation>文件 {file} 太大，与其名称不符。</translation>
    </message>
    <message>
        <source>The folder {folder} holds no checkpoint: there is no config.json in it.</source>
        <translation>文件夹 {folder} 不含检查点：其中没有 config.json。</translation>
    </message>
    <message>
        <source>The graphics card ({name}) is not used: llama.cpp has {backends}, but sees no device.</source>
        <translation>未使用显卡（{name}）：llama.cpp 支持 {backends}，但没有检测到设备。</translation>
    </message>
    <message>
        <source>The graphics card ({name}) is not used: llama.cpp was built for the processor only.</source>
        <translation>未使用显卡（{name}）：llama.cpp 仅为处理器构建。</translation>
    </message>
    <message>
        <source>The log holds the details; “stillroom doctor” says where it is.</source>
        <translation>详情见日志；“stillroom doctor”会显示日志位置。</translation>
    </message>
    <message>
        <source>The message has {tokens} tokens, too many for a context of {context}.</source>
        <translation>消息有 {tokens} 个词元，超出了 {context} 的上下文。</translation>
    </message>
    <message>
        <source>The model cannot be written to {folder}: {reason}.</source>
        <translation>无法把模型写入 {folder}：{reason}。</translation>
    </message>
    <message>
        <source>The model could not go on with this reply.</source>
        <translation>模型无法继续这个回答。</translation>
    </message>
    <message>
        <source>The model file {name} could not be read: {reason}.</source>
        <translation>无法读取模型文件 {name}：{reason}。</translation>
    </message>
    <message>
        <source>The model&apos;s chat template refused this conversation: {reason}.</source>
        <translation>模型的聊天模板拒绝了此对话：{reason}。</translation>
    </message>
    <message>
        <source>The name {name} cannot be a file&apos;s name.</source>
        <translation>{name} 不能用作文件名。</translation>
    </message>
    <message>
        <source>The network is switched off by HF_HUB_OFFLINE.</source>
        <translation>网络已被 HF_HUB_OFFLINE 关闭。</translation>
    </message>
    <message>
        <source>The old file is kept as {path}.</source>
        <translation>旧文件保留为 {path}。</translation>
    </message>
    <message>
        <source>The picture could not be drawn: the process ended with {code}.</source>
        <translation>图片无法绘制：进程以 {code} 结束。</translation>
    </message>
    <message>
        <source>The position scaling {scaling} in config.json is not supported.</source>
        <translation>不支持 config.json 中的位置缩放 {scaling}。</translation>
    </message>
    <message>
        <source>The processor has no AVX2: use Stillroom&apos;s portable build, which has code for older processors.</source>
        <translation>处理器没有 AVX2：请使用 Stillroom 的便携版，其中含有适用于旧处理器的代码。</translation>
    </message>
    <message>
        <source>The report could not be saved as {name}: {reason}.</source>
        <translation>无法把报告保存为 {name}：{reason}。</translation>
    </message>
    <message>
        <source>Use the same version of llama.cpp on both computers.</source>
        <translation>请在两台电脑上使用相同版本的 llama.cpp。</translation>
    </message>
    <message>
        <source>What answers at {address} is no rpc-server, or one of another version of llama.cpp.</source>
        <translation>{address} 上应答的不是 rpc-server，或属于其他版本的 llama.cpp。</translation>
    </message>
    <message>
        <source>Write something first.</source>
        <translation>请先写点内容。</translation>
    </message>
    <message>
        <source>it found no device</source>
        <translation>没有找到设备</translation>
    </message>
    <message>
        <source>it holds something else than chats</source>
        <translation>其中含有聊天以外的内容</translation>
    </message>
    <message>
        <source>it is no table</source>
        <translation>它不是表格</translation>
    </message>
    <message>
        <source>its header is another than the server showed</source>
        <translation>其文件头与服务器所示不同</translation>
    </message>
    <message>
        <source>llama.cpp could not load {name}.</source>
        <translation>llama.cpp 无法加载 {name}。</translation>
    </message>
    <message>
        <source>llama.cpp does not start. {reason} {native}</source>
        <translation>llama.cpp 无法启动。{reason} {native}</translation>
    </message>
    <message>
        <source>The processor {name} has no AVX2, so models run several times slower on it.</source>
        <translation>处理器 {name} 没有 AVX2，模型运行会慢数倍。</translation>
    </message>
    <message>
        <source>A file that was to be attached in the chat “{title}”</source>
        <translation>聊天“{title}”中要附加的一个文件</translation>
    </message>
    <message>
        <source>A grammar works only with a model on this computer.</source>
        <translation>语法只能用于本机上的模型。</translation>
    </message>
    <message>
        <source>A message that was being changed</source>
        <translation>一条正在修改的消息</translation>
    </message>
    <message>
        <source>A message that was being changed (“{start}”)</source>
        <translation>一条正在修改的消息（“{start}”）</translation>
    </message>
    <message>
        <source>A model elsewhere cannot be told to answer now; stop the reply instead.</source>
        <translation>无法让其他地方的模型立即回答；请改为停止回答。</translation>
    </message>
    <message>
        <source>A model is being got or made in {folder}.</source>
        <translation>{folder} 中正在获取或制作模型。</translation>
    </message>
    <message>
        <source>A newer Stillroom may have written them.</source>
        <translation>它们可能由较新的 Stillroom 写入。</translation>
    </message>
    <message>
        <source>A prompt of token ids works only with a model on this computer.</source>
        <translation>由词元编号组成的提示词只能用于本机上的模型。</translation>
    </message>
    <message>
        <source>A reply can follow a grammar or a JSON schema, not both.</source>
        <translation>回答只能遵循语法或 JSON 模式之一，不能同时使用。</translation>
    </message>
    <message>
        <source>A report cannot be saved as {name}.</source>
        <translation>无法将报告保存为 {name}。</translation>
    </message>
    <message>
        <source>A request of this kind has no body.</source>
        <translation>此类请求没有正文。</translation>
    </message>
    <message>
        <source>A rule needs a name of 1 to {most} characters on one line.</source>
        <translation>规则需要一个单行的名称，长度为 1 到 {most} 个字符。</translation>
    </message>
    <message>
        <source>A scanned document is pictures of text: run it through text recognition (OCR) first.</source>
        <translation>扫描的文档是文字的图片：请先进行文字识别（OCR）。</translation>
    </message>
    <message>
        <source>A thinking budget needs thinking and answer told apart.</source>
        <translation>思考预算要求区分思考与回答。</translation>
    </message>
    <message>
        <source>A token is not in the model&apos;s vocabulary.</source>
        <translation>有一个词元不在模型的词表中。</translation>
    </message>
    <message>
        <source>Add the origin to the allowed ones in Stillroom, if you trust it.</source>
        <translation>如果你信任该来源，请在 Stillroom 中将其加入允许的来源。</translation>
    </message>
    <message>
        <source>Another computer that computed a part of the model is gone.</source>
        <translation>参与计算模型一部分的另一台电脑已断开。</translation>
    </message>
    <message>
        <source>Another program takes memory of the graphics card ({card}): {free} are free. Replies can become slow or fail. Close that program, or load the model again so that it takes less.</source>
        <translation>其他程序正在占用显存（{card}）：剩余 {free}。回答可能变慢或失败。请关闭该程序，或重新加载模型以减少占用。</translation>
    </message>
    <message>
        <source>Ask again in {seconds} s.</source>
        <translation>请在 {seconds} 秒后再次请求。</translation>
    </message>
    <message>
        <source>Ask again when the benchmark is done.</source>
        <translation>请在基准测试结束后再次提问。</translation>
    </message>
    <message>
        <source>Ask again; with --local the model is loaded by this command itself.</source>
        <translation>请再次提问；使用 --local 时由此命令自行加载模型。</translation>
    </message>
    <message>
        <source>Ask for more bits, or choose a smaller model.</source>
        <translation>请指定更多的位数，或选择更小的模型。</translation>
    </message>
    <message>
        <source>Attach a part of it.</source>
        <translation>请附加其中的一部分。</translation>
    </message>
    <message>
        <source>Attach one that holds text.</source>
        <translation>请附加含有文字的文件。</translation>
    </message>
    <message>
        <source>Attach text, code, Markdown, CSV, PDF or DOCX; save an older document as one of these first.</source>
        <translation>请附加文本、代码、Markdown、CSV、PDF 或 DOCX；较旧的文档请先另存为其中之一。</translation>
    </message>
    <message>
        <source>Before line {n} a kill left a line unfinished; {bytes} bytes of it were cut off.</source>
        <translation>第 {n} 行之前，一次终止留下了未写完的一行；其 {bytes} 字节已被截去。</translation>
    </message>
    <message>
        <source>Before line {n} {count} lines could not be written, and are lost.</source>
        <translation>第 {n} 行之前有 {count} 行未能写入，已丢失。</translation>
    </message>
    <message>
        <source>Break its lines in another program first, such as a formatter of its language.</source>
        <translation>请先用其他程序断行，例如该语言的格式化工具。</translation>
    </message>
    <message>
        <source>Build its BF16 from the original weights, or name such a file with --reference.</source>
        <translation>请用原始权重构建其 BF16，或用 --reference 指定这样的文件。</translation>
    </message>
    <message>
        <source>Change the schema: what cannot be enforced must not stand in it.</source>
        <translation>请修改模式：不能包含无法强制的内容。</translation>
    </message>
    <message>
        <source>Check that it is on, that ggml-rpc-server runs there with its “--host” set to that computer&apos;s address, and that its firewall lets this computer in.</source>
        <translation>请检查它已开机、ggml-rpc-server 正在运行且其“--host”设为该电脑的地址，并且防火墙允许本机访问。</translation>
    </message>
    <message>
        <source>Check that it is still there and that you may open it.</source>
        <translation>请检查它是否仍在原处，以及你是否有权打开它。</translation>
    </message>
    <message>
        <source>Check that it is there and download it again.</source>
        <translation>请检查它是否存在，并重新下载。</translation>
    </message>
    <message>
        <source>Check that the disk has free space, or choose another folder.</source>
        <translation>请检查磁盘是否有可用空间，或选择另一个文件夹。</translation>
    </message>
    <message>
        <source>Check that the folder may be read, and that no other program holds it.</source>
        <translation>请检查文件夹是否可读，以及是否被其他程序占用。</translation>
    </message>
    <message>
        <source>Check that the folder may be written and that the disk is not full; it is tried again.</source>
        <translation>请检查文件夹是否可写以及磁盘是否已满；之后会再次尝试。</translation>
    </message>
    <message>
        <source>Check that the server runs, that its address is right and that this computer is on its network.</source>
        <translation>请检查服务器是否在运行、其地址是否正确，以及本机是否与它在同一网络中。</translation>
    </message>
    <message>
        <source>Check the computer&apos;s clock. Where the network looks into encrypted traffic, put its certificate into a file and the file&apos;s name into SSL_CERT_FILE.</source>
        <translation>请检查电脑的时钟。如果网络会查看加密流量，请将其证书存入文件，并在 SSL_CERT_FILE 中填写该文件名。</translation>
    </message>
    <message>
        <source>Check the name, or use the computer&apos;s IPv4 address.</source>
        <translation>请检查名称，或使用该电脑的 IPv4 地址。</translation>
    </message>
    <message>
        <source>Choose a certificate and its private key, both as PEM files without a password.</source>
        <translation>请选择证书及其私钥，二者均为不带密码的 PEM 文件。</translation>
    </message>
    <message>
        <source>Choose a file of a model, which ends in .gguf.</source>
        <translation>请选择以 .gguf 结尾的模型文件。</translation>
    </message>
    <message>
        <source>Choose a file that Stillroom has exported.</source>
        <translation>请选择 Stillroom 导出的文件。</translation>
    </message>
    <message>
        <source>Choose a folder with .gguf files, or Ollama&apos;s or LM Studio&apos;s folder of models.</source>
        <translation>请选择含有 .gguf 文件的文件夹，或 Ollama、LM Studio 的模型文件夹。</translation>
    </message>
    <message>
        <source>Choose a longer text.</source>
        <translation>请选择更长的文字。</translation>
    </message>
    <message>
        <source>Choose a smaller context or fewer layers on the graphics card.</source>
        <translation>请选择更小的上下文，或更少的 GPU 层数。</translation>
    </message>
    <message>
        <source>Choose a smaller context, or close other programs.</source>
        <translation>请选择较小的上下文，或关闭其他程序。</translation>
    </message>
    <message>
        <source>Choose an adapter without invocation tokens.</source>
        <translation>请选择没有触发词元的适配器。</translation>
    </message>
    <message>
        <source>Choose an adapter&apos;s GGUF file; “stillroom build” makes one of a Hugging Face adapter&apos;s folder.</source>
        <translation>请选择适配器的 GGUF 文件；“stillroom build”可由 Hugging Face 适配器文件夹生成。</translation>
    </message>
    <message>
        <source>Choose an export of Stillroom, ChatGPT, Open WebUI or LM Studio (JSON, or ChatGPT&apos;s zip).</source>
        <translation>请选择 Stillroom、ChatGPT、Open WebUI 或 LM Studio 的导出文件（JSON，或 ChatGPT 的 zip）。</translation>
    </message>
    <message>
        <source>Choose an export of Stillroom, ChatGPT, Open WebUI or LM Studio.</source>
        <translation>请选择 Stillroom、ChatGPT、Open WebUI 或 LM Studio 的导出文件。</translation>
    </message>
    <message>
        <source>Choose another file.</source>
        <translation>请选择其他文件。</translation>
    </message>
    <message>
        <source>Choose another model at the top of the window.</source>
        <translation>请在窗口顶部选择另一个模型。</translation>
    </message>
    <message>
        <source>Choose another place or name.</source>
        <translation>请选择其他位置或名称。</translation>
    </message>
    <message>
        <source>Choose another port, or end the program that uses this one.</source>
        <translation>请选择另一个端口，或结束占用此端口的程序。</translation>
    </message>
    <message>
        <source>Choose another port, or run “stillroom doctor”.</source>
        <translation>请选择其他端口，或运行“stillroom doctor”。</translation>
    </message>
    <message>
        <source>Choose it below the editor, at the right.</source>
        <translation>请在编辑器下方右侧选择。</translation>
    </message>
    <message>
        <source>Choose the base model that the adapter was trained on.</source>
        <translation>请选择训练该适配器时所用的基础模型。</translation>
    </message>
    <message>
        <source>Choose the full-precision file that the model was made from.</source>
        <translation>请选择制作该模型所用的全精度文件。</translation>
    </message>
    <message>
        <source>Choose the model that it was trained for.</source>
        <translation>请选择训练它时所用的模型。</translation>
    </message>
    <message>
        <source>Choose the model&apos;s own file.</source>
        <translation>请选择模型自己的文件。</translation>
    </message>
    <message>
        <source>Choose the output of “llama-bench -o json”, or a report that Stillroom saved as JSON.</source>
        <translation>请选择“llama-bench -o json”的输出，或 Stillroom 保存为 JSON 的报告。</translation>
    </message>
    <message>
        <source>Choose the repository that has the model&apos;s original weights.</source>
        <translation>请选择含有该模型原始权重的仓库。</translation>
    </message>
    <message>
        <source>Close other programs, or choose a smaller adapter.</source>
        <translation>请关闭其他程序，或选择更小的适配器。</translation>
    </message>
    <message>
        <source>Compile llama.cpp again: delete .venv/llama-stamp in Stillroom&apos;s folder, then make run (on Windows: py -3 packaging\environment.py).</source>
        <translation>请重新编译 llama.cpp：删除 Stillroom 文件夹中的 .venv/llama-stamp，然后执行 make run（Windows：py -3 packaging\environment.py）。</translation>
    </message>
    <message>
        <source>Delete it and get the model again: it may have been damaged on the disk, or been changed.</source>
        <translation>请删除它并重新获取模型：它可能在磁盘上损坏或被修改。</translation>
    </message>
    <message>
        <source>Delete {path} to download it again.</source>
        <translation>删除 {path} 即可重新下载。</translation>
    </message>
    <message>
        <source>Does not work with this model or memory.</source>
        <translation>此模型或内存不支持。</translation>
    </message>
    <message>
        <source>Download it again; if it stays so, it is damaged.</source>
        <translation>请重新下载；如果仍然如此，说明它已损坏。</translation>
    </message>
    <message>
        <source>Download it again; if it stays so, its files do not belong together.</source>
        <translation>请重新下载；如果仍然如此，说明它的文件不属于同一个适配器。</translation>
    </message>
    <message>
        <source>Download or build it again.</source>
        <translation>请重新下载或构建。</translation>
    </message>
    <message>
        <source>Download the model again; if it stays so, its weights are damaged.</source>
        <translation>请重新下载模型；如果仍然如此，说明其权重已损坏。</translation>
    </message>
    <message>
        <source>Finished runs are not touched.</source>
        <translation>已完成的测试不受影响。</translation>
    </message>
    <message>
        <source>Get a newer one where you got this one.</source>
        <translation>请从获得此版本的地方获取较新的版本。</translation>
    </message>
    <message>
        <source>Get the model again with the program that it belongs to.</source>
        <translation>请用它所属的程序重新获取该模型。</translation>
    </message>
    <message>
        <source>Give a name that ends in one of {endings}.</source>
        <translation>请给出以 {endings} 之一结尾的名称。</translation>
    </message>
    <message>
        <source>Give at least 1.</source>
        <translation>请至少给出 1。</translation>
    </message>
    <message>
        <source>Give it as http://host:port, or https://host.</source>
        <translation>请写成 http://主机:端口 或 https://主机。</translation>
    </message>
    <message>
        <source>Give its key in the settings, under Servers elsewhere.</source>
        <translation>请在设置的“其他地方的服务器”中填写其密钥。</translation>
    </message>
    <message>
        <source>Give its name or IPv4 address and the port of its rpc-server, such as 192.168.1.20:{port}.</source>
        <translation>请给出名称或 IPv4 地址及其 rpc-server 的端口，例如 192.168.1.20:{port}。</translation>
    </message>
    <message>
        <source>Give the address up to, and without, /v1.</source>
        <translation>请给出到 /v1 之前（不含 /v1）的地址。</translation>
    </message>
    <message>
        <source>Give the computer&apos;s name or its IPv4 address, such as 192.168.1.20:{port}.</source>
        <translation>请给出电脑的名称或 IPv4 地址，例如 192.168.1.20:{port}。</translation>
    </message>
    <message>
        <source>Give the key in its own field: it is kept in the system&apos;s key store.</source>
        <translation>请把密钥填在它自己的栏中：它保存在系统的密钥库中。</translation>
    </message>
    <message>
        <source>If the folder is elsewhere, put it back in its place while Stillroom is closed.</source>
        <translation>如果该文件夹在别处，请在 Stillroom 关闭时将其放回原位。</translation>
    </message>
    <message>
        <source>If the file is elsewhere, put it back in its place while Stillroom is closed.</source>
        <translation>如果该文件在别处，请在 Stillroom 关闭时将其放回原位。</translation>
    </message>
    <message>
        <source>If you changed it yourself, take it off the list and add it again; if not, restore it.</source>
        <translation>如果是你自己修改的，请从列表移除后重新添加；否则请还原它。</translation>
    </message>
    <message>
        <source>In Stillroom&apos;s folder: CMAKE_ARGS=-DGGML_VULKAN=ON make run (any card, with the Vulkan SDK), or CMAKE_ARGS=-DGGML_CUDA=ON make run (NVIDIA, with the CUDA toolkit).</source>
        <translation>请在 Stillroom 文件夹中执行：CMAKE_ARGS=-DGGML_VULKAN=ON make run（任何显卡，需要 Vulkan SDK），或 CMAKE_ARGS=-DGGML_CUDA=ON make run（NVIDIA，需要 CUDA 工具包）。</translation>
    </message>
    <message>
        <source>Install Node.js to run JavaScript code.</source>
        <translation>请安装 Node.js 以运行 JavaScript 代码。</translation>
    </message>
    <message>
        <source>Install Python 3 to run Python code.</source>
        <translation>请安装 Python 3 以运行 Python 代码。</translation>
    </message>
    <message>
        <source>Install Stillroom again.</source>
        <translation>请重新安装 Stillroom。</translation>
    </message>
    <message>
        <source>Install bubblewrap 0.8 or newer, or allow user namespaces.</source>
        <translation>请安装 bubblewrap 0.8 或更新的版本，或允许用户命名空间。</translation>
    </message>
    <message>
        <source>Install it again with CMAKE_ARGS=&quot;-DGGML_RPC=ON&quot;, or use Stillroom&apos;s own build.</source>
        <translation>请用 CMAKE_ARGS=&quot;-DGGML_RPC=ON&quot; 重新安装，或使用 Stillroom 自己的构建。</translation>
    </message>
    <message>
        <source>It could not be measured: there was too little free memory.</source>
        <translation>无法测量：可用内存太少。</translation>
    </message>
    <message>
        <source>It needs a context of {needed} tokens; the model is loaded with {context_tokens}.</source>
        <translation>需要 {needed} 个词元的上下文；模型加载时为 {context_tokens} 个。</translation>
    </message>
    <message>
        <source>Its rpc-server serves one program at a time: end the other one, or check the port.</source>
        <translation>它的 rpc-server 一次只为一个程序服务：请结束另一个程序，或检查端口。</translation>
    </message>
    <message>
        <source>Its scores could not be compared, so it is not used.</source>
        <translation>其得分将无法比较，因此不使用。</translation>
    </message>
    <message>
        <source>Join some of them.</source>
        <translation>请合并其中的一些。</translation>
    </message>
    <message>
        <source>Join them with llama.cpp&apos;s llama-gguf-split --merge, then add the whole file.</source>
        <translation>请用 llama.cpp 的 llama-gguf-split --merge 合并它们，再添加完整的文件。</translation>
    </message>
    <message>
        <source>Leave one of the two out.</source>
        <translation>请去掉其中一个。</translation>
    </message>
    <message>
        <source>Leave the budget out, or turn it on.</source>
        <translation>请去掉预算，或开启思考。</translation>
    </message>
    <message>
        <source>Leave the file alone while its model is loaded. Send the message again: the file is checked and loaded as it is now.</source>
        <translation>模型加载期间请不要改动文件。请重新发送消息：文件会重新检查并按现状加载。</translation>
    </message>
    <message>
        <source>Let it block or flag.</source>
        <translation>请改为阻止或标记。</translation>
    </message>
    <message>
        <source>Let this user read it, or choose another folder for the models in the settings.</source>
        <translation>请允许当前用户读取它，或在设置中为模型选择另一个文件夹。</translation>
    </message>
    <message>
        <source>Line {n}, or what {file} says of it, was changed.</source>
        <translation>第 {n} 行，或 {file} 中关于它的记录，被更改。</translation>
    </message>
    <message>
        <source>Lines {n} to {last}, the newest, are missing.</source>
        <translation>最新的第 {n} 至 {last} 行缺失。</translation>
    </message>
    <message>
        <source>Load a model there, then ask again.</source>
        <translation>请在那里加载模型，然后再次提问。</translation>
    </message>
    <message>
        <source>Load it in Stillroom, or choose one of these.</source>
        <translation>请在 Stillroom 中加载它，或选择以下之一。</translation>
    </message>
    <message>
        <source>Load it, or choose another model.</source>
        <translation>请加载它，或选择其他模型。</translation>
    </message>
    <message>
        <source>Load one in Stillroom.</source>
        <translation>请在 Stillroom 中加载一个。</translation>
    </message>
    <message>
        <source>Load one that is made for embeddings.</source>
        <translation>请加载专用于嵌入的模型。</translation>
    </message>
    <message>
        <source>Load one when that has ended, or stop it in the settings.</source>
        <translation>请等移动结束后再加载，或在设置中停止移动。</translation>
    </message>
    <message>
        <source>Load the model with a larger context, or leave the oldest messages out.</source>
        <translation>请以更大的上下文加载模型，或略去最早的消息。</translation>
    </message>
    <message>
        <source>Look at the connection, or try again later.</source>
        <translation>请检查连接，或稍后重试。</translation>
    </message>
    <message>
        <source>Look for a plain LoRA adapter, or merge it into its model first.</source>
        <translation>请寻找普通的 LoRA 适配器，或先将其合并到模型中。</translation>
    </message>
    <message>
        <source>Look for a ready-made GGUF file in the type that you want.</source>
        <translation>请寻找所需类型的现成 GGUF 文件。</translation>
    </message>
    <message>
        <source>Look whether its disk is still there and whole, then send the message again.</source>
        <translation>请检查其磁盘是否仍在且完好，然后重新发送消息。</translation>
    </message>
    <message>
        <source>Make it simpler.</source>
        <translation>请将其简化。</translation>
    </message>
    <message>
        <source>Make its expression simpler, or switch it off, in the input filter.</source>
        <translation>请在输入过滤器中简化其表达式，或将其关闭。</translation>
    </message>
    <message>
        <source>Make several rules of it.</source>
        <translation>请将其拆成几条规则。</translation>
    </message>
    <message>
        <source>Memory is too short for a cache in f16, so it is kept in q8_0: half the size at a hardly measurable loss.</source>
        <translation>内存不足以使用 f16 缓存，因此采用 q8_0：大小减半，损失几乎无法察觉。</translation>
    </message>
    <message>
        <source>Memory is too short for a cache in {before}, so it is kept in q4_0, which can cost accuracy.</source>
        <translation>内存不足以使用 {before} 缓存，因此采用 q4_0，可能损失准确度。</translation>
    </message>
    <message>
        <source>Memory is too short for a context of {before} tokens, so it was lowered to {after}.</source>
        <translation>内存不足以容纳 {before} 个词元的上下文，因此降至 {after}。</translation>
    </message>
    <message>
        <source>Memory is too short for a copy of the weights, so they are read through the file: replies are somewhat slower.</source>
        <translation>内存不足以保存权重的副本，因此改为通过文件读取：回答会稍慢一些。</translation>
    </message>
    <message>
        <source>Memory is too short for the attention that is quickest on the processor, so long chats are slower.</source>
        <translation>内存不足以使用处理器上最快的注意力计算，因此长聊天会较慢。</translation>
    </message>
    <message>
        <source>Memory is too short for {before} replies side by side, so one is written after the other.</source>
        <translation>内存不足以同时进行 {before} 个回答，因此逐个生成。</translation>
    </message>
    <message>
        <source>Mend the file, or open the input filter and start again with the shipped rules.</source>
        <translation>请修复文件，或打开输入过滤器并重新使用自带的规则。</translation>
    </message>
    <message>
        <source>More failed the last time, so attention takes less memory and more time.</source>
        <translation>上次更多内存的设置失败，因此注意力计算占用较少内存、花费较多时间。</translation>
    </message>
    <message>
        <source>More failed the last time, so replies are written one after the other.</source>
        <translation>上次更大的设置失败，因此回答逐个生成。</translation>
    </message>
    <message>
        <source>More failed the last time, so the cache is kept in {value}.</source>
        <translation>上次更大的设置失败，因此缓存采用 {value}。</translation>
    </message>
    <message>
        <source>More failed the last time, so the context has {value} tokens.</source>
        <translation>上次更大的设置失败，因此上下文为 {value} 个词元。</translation>
    </message>
    <message>
        <source>More failed the last time, so the weights are read through the file.</source>
        <translation>上次使用更多内存时失败，因此权重通过文件读取。</translation>
    </message>
    <message>
        <source>More failed the last time, so {value} layers run on the graphics card.</source>
        <translation>上次更大的设置失败，因此显卡上运行 {value} 层。</translation>
    </message>
    <message>
        <source>More than {count} replies are asked for.</source>
        <translation>请求的回答超过 {count} 个。</translation>
    </message>
    <message>
        <source>Name a folder that holds it with --base; the model&apos;s weights are not needed.</source>
        <translation>请用 --base 指定含有它的文件夹；不需要模型的权重。</translation>
    </message>
    <message>
        <source>Name a model of “stillroom list”: stillroom chat MODEL PROMPT</source>
        <translation>请给出“stillroom list”中的模型：stillroom chat 模型 提示词</translation>
    </message>
    <message>
        <source>Name one of its quantised files.</source>
        <translation>请指定其中一个量化文件。</translation>
    </message>
    <message>
        <source>No computer with the name {host} was found.</source>
        <translation>没有找到名为 {host} 的电脑。</translation>
    </message>
    <message>
        <source>No line has the noted hash {anchor}: the log is another one, or has let that line go.</source>
        <translation>没有哪一行具有所记下的哈希值 {anchor}：这是另一份日志，或那一行已被移除。</translation>
    </message>
    <message>
        <source>No model was named, and none was used before.</source>
        <translation>没有给出模型，之前也没有用过模型。</translation>
    </message>
    <message>
        <source>Nobody answered at {address}: {reason}.</source>
        <translation>{address} 无人应答：{reason}。</translation>
    </message>
    <message>
        <source>Not measured: the time was over.</source>
        <translation>未测量：时间已用完。</translation>
    </message>
    <message>
        <source>Nothing is run: this computer has no sandbox that works ({reasons}).</source>
        <translation>未运行任何内容：本机没有可用的沙盒（{reasons}）。</translation>
    </message>
    <message>
        <source>On Linux, a key store such as GNOME Keyring or KWallet has to run. Nothing is written to a file in its place.</source>
        <translation>在 Linux 上需要有密钥库在运行，例如 GNOME Keyring 或 KWallet。不会改写到文件中。</translation>
    </message>
    <message>
        <source>Only shown: it can cost accuracy.</source>
        <translation>仅供参考：可能损失准确度。</translation>
    </message>
    <message>
        <source>Open it in the program that made it, save it anew, and attach that.</source>
        <translation>请在制作它的程序中打开，重新保存后再附加。</translation>
    </message>
    <message>
        <source>Open it with “Open…” if it is to be edited here.</source>
        <translation>如需在此编辑，请用“打开…”打开它。</translation>
    </message>
    <message>
        <source>Other computers compute a part of this model ({addresses}). What is written crosses the network without encryption.</source>
        <translation>其他电脑参与计算此模型的一部分（{addresses}）。内容在网络上传输时不加密。</translation>
    </message>
    <message>
        <source>Put a backslash before a sign that is meant as itself.</source>
        <translation>请在表示其本身的符号前加反斜杠。</translation>
    </message>
    <message>
        <source>Put the file itself there, or take the model off the list and add the file where it lies.</source>
        <translation>请把文件本身放到那里，或者将该模型移出列表，再从文件所在位置添加它。</translation>
    </message>
    <message>
        <source>Refresh its models in the settings, under Servers elsewhere, if the model is not there any more.</source>
        <translation>如果模型已不在那里，请在设置的“其他地方的服务器”中刷新其模型。</translation>
    </message>
    <message>
        <source>Requests for this host name are not served.</source>
        <translation>不接受对此主机名的请求。</translation>
    </message>
    <message>
        <source>Run it first: stillroom bench {text} --suite quality</source>
        <translation>请先运行：stillroom bench {text} --suite quality</translation>
    </message>
    <message>
        <source>Run it first: stillroom bench {text} --suite {suite}</source>
        <translation>请先运行：stillroom bench {text} --suite {suite}</translation>
    </message>
    <message>
        <source>Run the benchmark again.</source>
        <translation>请再次运行基准测试。</translation>
    </message>
    <message>
        <source>Save a copy without the password and attach that.</source>
        <translation>请另存一份不带密码的副本再附加。</translation>
    </message>
    <message>
        <source>Save the report as a web page, or the picture from the window.</source>
        <translation>请把报告保存为网页，或在窗口中保存图片。</translation>
    </message>
    <message>
        <source>Send it in pieces.</source>
        <translation>请分段发送。</translation>
    </message>
    <message>
        <source>Send the header Authorization: Bearer KEY with the key that Stillroom shows.</source>
        <translation>请发送标头 Authorization: Bearer KEY，其中 KEY 为 Stillroom 显示的密钥。</translation>
    </message>
    <message>
        <source>Send the header Content-Type: application/json.</source>
        <translation>请发送标头 Content-Type: application/json。</translation>
    </message>
    <message>
        <source>Send the message again: the model is loaded again by itself, as it was.</source>
        <translation>请重新发送消息：模型会按原来的设置自动重新加载。</translation>
    </message>
    <message>
        <source>Send the message again: the model is loaded again by itself, so that it takes less. Closing other programs, or a smaller model or context, helps too.</source>
        <translation>请重新发送消息：模型会自动重新加载，并减少占用。关闭其他程序，或使用更小的模型或上下文也有帮助。</translation>
    </message>
    <message>
        <source>Send the message again: the model is loaded again by itself, without that computer for as long as it does not answer.</source>
        <translation>请重新发送消息：模型会自动重新加载；在那台电脑应答之前不再使用它。</translation>
    </message>
    <message>
        <source>Send the message again: the model is loaded again by itself. If it happens again, it runs on the processor; look for a newer driver, or a card that gets too hot.</source>
        <translation>请重新发送消息：模型会自动重新加载。如果再次发生，它将在处理器上运行；请寻找更新的驱动，或检查显卡是否过热。</translation>
    </message>
    <message>
        <source>Send the message again: the model is loaded again by itself. If it happens again, load it with fewer layers on the graphics card, or look for a newer driver.</source>
        <translation>请重新发送消息：模型会自动重新加载。如果再次发生，请减少 GPU 层数，或寻找更新的驱动。</translation>
    </message>
    <message>
        <source>Start ggml-rpc-server of the same version as the llama.cpp here, and check the port.</source>
        <translation>请启动与这里的 llama.cpp 版本相同的 ggml-rpc-server，并检查端口。</translation>
    </message>
    <message>
        <source>Start it with a device, such as “ggml-rpc-server --device CPU”.</source>
        <translation>请为它指定设备，例如“ggml-rpc-server --device CPU”。</translation>
    </message>
    <message>
        <source>Stays: nothing is clearly faster.</source>
        <translation>保持不变：没有明显更快的。</translation>
    </message>
    <message>
        <source>Stillroom converts plain LoRA adapters; one that replaces whole tensors must be merged into its model first.</source>
        <translation>Stillroom 可转换普通的 LoRA 适配器；替换整个张量的适配器须先合并到模型中。</translation>
    </message>
    <message>
        <source>Stillroom runs tests in Python and JavaScript.</source>
        <translation>Stillroom 可运行 Python 和 JavaScript 的测试。</translation>
    </message>
    <message>
        <source>Stillroom&apos;s own questions work without it.</source>
        <translation>没有它，Stillroom 自带的题目也可以使用。</translation>
    </message>
    <message>
        <source>Stillroom&apos;s server was switched off.</source>
        <translation>Stillroom 的服务器已关闭。</translation>
    </message>
    <message>
        <source>Take out what it found, or change the rule in the input filter.</source>
        <translation>请去掉它发现的内容，或在输入过滤器中更改规则。</translation>
    </message>
    <message>
        <source>Tests in {language} are not run here.</source>
        <translation>这里不运行 {language} 的测试。</translation>
    </message>
    <message>
        <source>The JSON is nested deeper than {depth} levels.</source>
        <translation>JSON 的嵌套超过 {depth} 层。</translation>
    </message>
    <message>
        <source>The JSON schema cannot be used: {reason}.</source>
        <translation>无法使用该 JSON 模式：{reason}。</translation>
    </message>
    <message>
        <source>The JSON schema is no JSON: {reason}.</source>
        <translation>JSON 模式不是 JSON：{reason}。</translation>
    </message>
    <message>
        <source>The adapter changes {tensor}, which {architecture} models do not have.</source>
        <translation>适配器改动了 {tensor}，而 {architecture} 模型没有它。</translation>
    </message>
    <message>
        <source>The adapter has only one of the two matrices for {tensor}.</source>
        <translation>对于 {tensor}，适配器只有两个矩阵中的一个。</translation>
    </message>
    <message>
        <source>The adapter holds {tensor}, which is no matrix of a LoRA.</source>
        <translation>适配器含有 {tensor}，它不是 LoRA 的矩阵。</translation>
    </message>
    <message>
        <source>The adapter {adapter} was trained on {base}, and that model&apos;s config.json is not here.</source>
        <translation>适配器 {adapter} 是在 {base} 上训练的，而这里没有该模型的 config.json。</translation>
    </message>
    <message>
        <source>The adapter {file} begins to act only after certain words, which Stillroom does not support.</source>
        <translation>适配器 {file} 只在特定词语之后才起作用，Stillroom 不支持这一点。</translation>
    </message>
    <message>
        <source>The adapter {file} does not fit this model.</source>
        <translation>适配器 {file} 不适合此模型。</translation>
    </message>
    <message>
        <source>The adapter {file} is for {found} models, but this model is of the kind {architecture}.</source>
        <translation>适配器 {file} 用于 {found} 模型，而此模型属于 {architecture}。</translation>
    </message>
    <message>
        <source>The adapter {file} needs {needed} of memory, and {free} are free.</source>
        <translation>适配器 {file} 需要 {needed} 内存，而可用内存为 {free}。</translation>
    </message>
    <message>
        <source>The adapter&apos;s file was changed while it was read.</source>
        <translation>适配器的文件在读取过程中被改动了。</translation>
    </message>
    <message>
        <source>The adapter&apos;s matrices for {tensor} do not fit the base model.</source>
        <translation>适配器中 {tensor} 的矩阵与基础模型不符。</translation>
    </message>
    <message>
        <source>The adapter&apos;s matrices for {tensor} have the rank {rank}, which does not go with its settings.</source>
        <translation>适配器中 {tensor} 的矩阵的秩为 {rank}，与其设置不符。</translation>
    </message>
    <message>
        <source>The adapter&apos;s matrices for {tensor} hold numbers that are infinite or none.</source>
        <translation>适配器中 {tensor} 的矩阵含有无穷大或非数字的值。</translation>
    </message>
    <message>
        <source>The adapters of this chat are not used: the model runs elsewhere.</source>
        <translation>未使用此聊天的适配器：模型在其他地方运行。</translation>
    </message>
    <message>
        <source>The address {address} holds more than a host, a port and a path.</source>
        <translation>地址 {address} 不只包含主机、端口和路径。</translation>
    </message>
    <message>
        <source>The audit log in {path} cannot be read: {reason}.</source>
        <translation>无法读取 {path} 中的审计日志：{reason}。</translation>
    </message>
    <message>
        <source>The audit log in {path} cannot be written: {reason}. Replies go on without it.</source>
        <translation>无法写入 {path} 中的审计日志：{reason}。回答会在没有日志的情况下继续。</translation>
    </message>
    <message>
        <source>The body did not arrive within {seconds} s.</source>
        <translation>正文未在 {seconds} 秒内到达。</translation>
    </message>
    <message>
        <source>The body is larger than {limit} bytes.</source>
        <translation>正文超过 {limit} 字节。</translation>
    </message>
    <message>
        <source>The body is no JSON that can be used: {reason}.</source>
        <translation>正文不是可用的 JSON：{reason}。</translation>
    </message>
    <message>
        <source>The body is not UTF-8.</source>
        <translation>正文不是 UTF-8。</translation>
    </message>
    <message>
        <source>The body must be JSON.</source>
        <translation>正文必须是 JSON。</translation>
    </message>
    <message>
        <source>The body must be a JSON object.</source>
        <translation>正文必须是 JSON 对象。</translation>
    </message>
    <message>
        <source>The certificate of the local API cannot be used: {reason}.</source>
        <translation>无法使用本地 API 的证书：{reason}。</translation>
    </message>
    <message>
        <source>The certificate of {host} cannot be trusted: {reason}.</source>
        <translation>无法信任 {host} 的证书：{reason}。</translation>
    </message>
    <message>
        <source>The computer {address} cannot be reached ({reason}).</source>
        <translation>无法连接电脑 {address}（{reason}）。</translation>
    </message>
    <message>
        <source>The computer&apos;s memory is nearly full: {free} are free. Everything on it can become slow. Close other programs, or unload the model.</source>
        <translation>电脑内存将满：剩余 {free}。所有程序都可能变慢。请关闭其他程序，或卸载模型。</translation>
    </message>
    <message>
        <source>The connection to the running Stillroom broke: {reason}.</source>
        <translation>与正在运行的 Stillroom 的连接中断：{reason}。</translation>
    </message>
    <message>
        <source>The context is nearly full, so the thoughts were ended after {tokens} tokens, to leave room for an answer.</source>
        <translation>上下文即将用尽，因此思考在 {tokens} 个词元后结束，为回答留出空间。</translation>
    </message>
    <message>
        <source>The context is too small to sum the chat up.</source>
        <translation>上下文太小，无法总结聊天。</translation>
    </message>
    <message>
        <source>The context of {context_tokens} tokens is stretched beyond the {limit} that the model was made for, by YaRN: long conversations work, at some cost of accuracy.</source>
        <translation>{context_tokens} 个词元的上下文已由 YaRN 延伸，超出模型原本的 {limit}：可以进行长对话，但准确度略降。</translation>
    </message>
    <message>
        <source>The context was set to {context_tokens} tokens; the model was made for {limit}, so it was lowered to that.</source>
        <translation>上下文设为 {context_tokens} 个词元；模型原本支持 {limit}，因此降至该值。</translation>
    </message>
    <message>
        <source>The default; another value is faster.</source>
        <translation>默认值；另一个值更快。</translation>
    </message>
    <message>
        <source>The details are in the report; the memory may be too small.</source>
        <translation>详情在报告中；可能是内存不足。</translation>
    </message>
    <message>
        <source>The engine could not read the model&apos;s file any more ({reason}).</source>
        <translation>引擎无法继续读取模型文件（{reason}）。</translation>
    </message>
    <message>
        <source>The engine does not take in what it is sent: {size} are waiting already.</source>
        <translation>引擎没有接收发给它的内容：已有 {size} 在等待。</translation>
    </message>
    <message>
        <source>The engine gave no sign of life any more and was ended.</source>
        <translation>引擎不再响应，已被结束。</translation>
    </message>
    <message>
        <source>The engine ran out of memory.</source>
        <translation>引擎的内存用尽了。</translation>
    </message>
    <message>
        <source>The engine stopped twice while it used the graphics card, so the model runs on the processor.</source>
        <translation>引擎在使用显卡时停止了两次，因此模型在处理器上运行。</translation>
    </message>
    <message>
        <source>The engine was ended by another program.</source>
        <translation>引擎被其他程序结束了。</translation>
    </message>
    <message>
        <source>The expression of the rule {rule} cannot be used: {reason}</source>
        <translation>无法使用规则 {rule} 的表达式：{reason}</translation>
    </message>
    <message>
        <source>The expression of the rule {rule} is longer than {most} characters.</source>
        <translation>规则 {rule} 的表达式超过 {most} 个字符。</translation>
    </message>
    <message>
        <source>The file may be damaged; build it again.</source>
        <translation>文件可能已损坏；请重新构建。</translation>
    </message>
    <message>
        <source>The file of {name} is missing: {file}.</source>
        <translation>{name} 的文件不见了：{file}。</translation>
    </message>
    <message>
        <source>The file of {name} is not the one that was downloaded first.</source>
        <translation>{name} 的文件不是最初下载的那个。</translation>
    </message>
    <message>
        <source>The file of {name} {type} cannot be read: {reason}.</source>
        <translation>无法读取 {name} {type} 的文件：{reason}。</translation>
    </message>
    <message>
        <source>The file of {name} {type} is not what was recorded: {file}.</source>
        <translation>{name} {type} 的文件与记录不符：{file}。</translation>
    </message>
    <message>
        <source>The file tokenizer.json is damaged: its steps are nested too deeply.</source>
        <translation>文件 tokenizer.json 已损坏：其步骤嵌套过深。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: it is not what it was when it was downloaded.</source>
        <translation>文件 {file} 已损坏：它与下载时的内容不同。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: its header is longer than that of any model.</source>
        <translation>文件 {file} 已损坏：其文件头比任何模型的都长。</translation>
    </message>
    <message>
        <source>The file {file} is no safetensors file.</source>
        <translation>文件 {file} 不是 safetensors 文件。</translation>
    </message>
    <message>
        <source>The file {file} is not a LoRA adapter.</source>
        <translation>文件 {file} 不是 LoRA 适配器。</translation>
    </message>
    <message>
        <source>The file {file} was cut short while it was read.</source>
        <translation>文件 {file} 在读取时被截断。</translation>
    </message>
    <message>
        <source>The file {name} cannot be stored under that name on every computer, so nothing is downloaded.</source>
        <translation>文件 {name} 无法在所有电脑上以该名称保存，因此不会下载任何内容。</translation>
    </message>
    <message>
        <source>The file {name} could not be read: {reason}.</source>
        <translation>无法读取文件 {name}：{reason}。</translation>
    </message>
    <message>
        <source>The file {path} is damaged, and could not be renamed: {reason}.</source>
        <translation>文件 {path} 已损坏，并且无法重命名：{reason}。</translation>
    </message>
    <message>
        <source>The file {path} is damaged, so NVIDIA&apos;s libraries beside it are not used.</source>
        <translation>文件 {path} 已损坏，因此不使用它旁边的 NVIDIA 库。</translation>
    </message>
    <message>
        <source>The file {path} is damaged. It is kept as {aside}.</source>
        <translation>文件 {path} 已损坏，保留为 {aside}。</translation>
    </message>
    <message>
        <source>The file {path} was changed outside Stillroom, or is damaged; what it says is used.</source>
        <translation>文件 {path} 在 Stillroom 之外被更改过，或者已损坏；现按其中的内容使用。</translation>
    </message>
    <message>
        <source>The files beside it are verified again before they are used.</source>
        <translation>它旁边的文件在使用之前会重新校验。</translation>
    </message>
    <message>
        <source>The filter rule “{rule}” did not finish in time, so the message was not sent.</source>
        <translation>过滤规则“{rule}”未能及时完成，因此消息没有发送。</translation>
    </message>
    <message>
        <source>The filter rule “{rule}” does not let this message out; it was not sent.</source>
        <translation>过滤规则“{rule}”不允许此消息发出；消息没有发送。</translation>
    </message>
    <message>
        <source>The filter rules could not be saved to {path}: {reason}.</source>
        <translation>无法将过滤规则保存到 {path}：{reason}。</translation>
    </message>
    <message>
        <source>The filter rules in {path} cannot be used: {reason}. Nothing is sent meanwhile.</source>
        <translation>无法使用 {path} 中的过滤规则：{reason}。在此期间不发送任何内容。</translation>
    </message>
    <message>
        <source>The filter rules in {path} were changed outside Stillroom, or are damaged. Nothing is sent meanwhile.</source>
        <translation>{path} 中的过滤规则在 Stillroom 之外被更改过，或者已损坏。在此期间不会发送任何内容。</translation>
    </message>
    <message>
        <source>The folder “{title}”</source>
        <translation>文件夹“{title}”</translation>
    </message>
    <message>
        <source>The golden answers could not be read or written: {reason}.</source>
        <translation>无法读取或写入基准回答：{reason}。</translation>
    </message>
    <message>
        <source>The golden answers were written by a newer Stillroom (schema {found}, here {known}).</source>
        <translation>基准回答由较新的 Stillroom 写成（格式版本 {found}，此处为 {known}）。</translation>
    </message>
    <message>
        <source>The graphics card could not load the model, so it runs on the processor.</source>
        <translation>显卡无法加载该模型，因此在处理器上运行。</translation>
    </message>
    <message>
        <source>The graphics card does not tell its power.</source>
        <translation>显卡不提供其功率。</translation>
    </message>
    <message>
        <source>The graphics card has too little memory for {before} layers, so it takes {after}.</source>
        <translation>显存不足以放入 {before} 层，因此放入 {after} 层。</translation>
    </message>
    <message>
        <source>The graphics card has too little memory, so the model runs on the processor.</source>
        <translation>显存不足，因此模型在处理器上运行。</translation>
    </message>
    <message>
        <source>The graphics card stopped working for the engine.</source>
        <translation>显卡停止为引擎工作。</translation>
    </message>
    <message>
        <source>The graphics card&apos;s driver does not tell what each program holds.</source>
        <translation>显卡的驱动程序不说明每个程序占用多少。</translation>
    </message>
    <message>
        <source>The importance matrix has {columns} columns for {tensor}, which has {wanted}.</source>
        <translation>重要性矩阵中 {tensor} 有 {columns} 列，而该张量有 {wanted} 列。</translation>
    </message>
    <message>
        <source>The importance matrix {file} cannot be read: {reason}.</source>
        <translation>无法读取重要性矩阵 {file}：{reason}。</translation>
    </message>
    <message>
        <source>The installed llama.cpp was built without RPC, so it cannot lend this computer.</source>
        <translation>所装的 llama.cpp 构建时未含 RPC，因此无法出借本机。</translation>
    </message>
    <message>
        <source>The installed llama.cpp was built without RPC, so {address} cannot be used.</source>
        <translation>所装的 llama.cpp 构建时未含 RPC，因此无法使用 {address}。</translation>
    </message>
    <message>
        <source>The key is missing or wrong.</source>
        <translation>密钥缺失或错误。</translation>
    </message>
    <message>
        <source>The key of the local API could not be saved to {path}: {reason}.</source>
        <translation>无法将本地 API 的密钥保存到 {path}：{reason}。</translation>
    </message>
    <message>
        <source>The language of this text is not known.</source>
        <translation>不清楚此文字使用哪种语言。</translation>
    </message>
    <message>
        <source>The limit for thinking is not kept: the model runs elsewhere.</source>
        <translation>思考的限制未生效：模型在其他地方运行。</translation>
    </message>
    <message>
        <source>The local API cannot listen on {host}, port {port}: {reason}.</source>
        <translation>本地 API 无法在 {host} 的端口 {port} 上监听：{reason}。</translation>
    </message>
    <message>
        <source>The machine was busy with something else: the figures scatter by {percent}%. Tune again when it is quiet.</source>
        <translation>电脑正忙于其他工作：数值离散达 {percent}%。请在空闲时重新调优。</translation>
    </message>
    <message>
        <source>The measuring process ended unexpectedly (code {code}).</source>
        <translation>测量进程意外结束（代码 {code}）。</translation>
    </message>
    <message>
        <source>The memory may be too small; close other programs and try again.</source>
        <translation>可能内存不足；请关闭其他程序后重试。</translation>
    </message>
    <message>
        <source>The memory may be too small; the details are in the report.</source>
        <translation>可能内存不足；详情在报告中。</translation>
    </message>
    <message>
        <source>The model could not be measured with these settings.</source>
        <translation>无法以这些设置测量该模型。</translation>
    </message>
    <message>
        <source>The model could not make a vector of this text.</source>
        <translation>模型无法由此文字得出向量。</translation>
    </message>
    <message>
        <source>The model ended its reply after {tokens} tokens, too few to time them.</source>
        <translation>模型在 {tokens} 个词元后结束了回答，数量太少，无法计时。</translation>
    </message>
    <message>
        <source>The model file {file} was changed while it was in use.</source>
        <translation>模型文件 {file} 在使用中被更改。</translation>
    </message>
    <message>
        <source>The model folder {folder} is being moved, or changed by another Stillroom.</source>
        <translation>模型文件夹 {folder} 正在移动，或正被另一个 Stillroom 更改。</translation>
    </message>
    <message>
        <source>The model is being measured, and other replies would disturb that.</source>
        <translation>正在测量此模型，其他回答会干扰测量。</translation>
    </message>
    <message>
        <source>The model is busy: as many replies as Stillroom takes at once are running or waiting.</source>
        <translation>模型正忙：正在运行或等待的回答已达 Stillroom 同时接受的上限。</translation>
    </message>
    <message>
        <source>The model needs {needed} of RAM and {free} are free: parts of it will be read from the disk again and again, which is slow. Close other programs, or choose a smaller quantisation.</source>
        <translation>模型需要 {needed} 内存，可用 {free}：部分内容将反复从磁盘读取，速度很慢。请关闭其他程序，或选择更小的量化。</translation>
    </message>
    <message>
        <source>The model that should guess ahead, {name}, could not be loaded: {reason}</source>
        <translation>无法加载用于预测的模型 {name}：{reason}</translation>
    </message>
    <message>
        <source>The model was unloaded before the reply had ended.</source>
        <translation>回答结束之前模型被卸载。</translation>
    </message>
    <message>
        <source>The model wrote no summary.</source>
        <translation>模型没有写出总结。</translation>
    </message>
    <message>
        <source>The model {file} cannot be loaded to be measured.</source>
        <translation>无法加载模型 {file} 进行测量。</translation>
    </message>
    <message>
        <source>The model {file} could not be evaluated (code {code}).</source>
        <translation>无法对模型 {file} 求值（代码 {code}）。</translation>
    </message>
    <message>
        <source>The model {file} is not loaded.</source>
        <translation>模型 {file} 未加载。</translation>
    </message>
    <message>
        <source>The model&apos;s activations are no numbers at {tensor}.</source>
        <translation>模型在 {tensor} 处的激活值不是数字。</translation>
    </message>
    <message>
        <source>The model&apos;s file is gone.</source>
        <translation>模型的文件已不存在。</translation>
    </message>
    <message>
        <source>The model&apos;s vectors have {size} dimensions.</source>
        <translation>模型的向量有 {size} 维。</translation>
    </message>
    <message>
        <source>The model&apos;s vocabulary has {count} tokens, and logit_bias names one beyond them.</source>
        <translation>模型的词表有 {count} 个词元，而 logit_bias 指定了其外的一个。</translation>
    </message>
    <message>
        <source>The model&apos;s vocabulary has {count} tokens, and the prompt one beyond them.</source>
        <translation>模型的词表有 {count} 个词元，而提示词包含其外的一个。</translation>
    </message>
    <message>
        <source>The models are being moved.</source>
        <translation>正在移动模型。</translation>
    </message>
    <message>
        <source>The name stands in the place of what the rule takes out.</source>
        <translation>规则剔除内容的位置会写上此名称。</translation>
    </message>
    <message>
        <source>The positions of this model cannot be stretched by YaRN, so its own limit holds.</source>
        <translation>此模型的位置编码无法用 YaRN 延伸，因此以其自身上限为准。</translation>
    </message>
    <message>
        <source>The prompt has {prompt_tokens} tokens, but the context holds {context_tokens}.</source>
        <translation>提示词有 {prompt_tokens} 个词元，而上下文只能容纳 {context_tokens} 个。</translation>
    </message>
    <message>
        <source>The prompt is empty.</source>
        <translation>提示词为空。</translation>
    </message>
    <message>
        <source>The input filter is on and reads text, so token ids are not taken.</source>
        <translation>输入过滤器已开启，它只读取文本，因此不接受词元编号。</translation>
    </message>
    <message>
        <source>Send the text itself.</source>
        <translation>请发送文本本身。</translation>
    </message>
    <message>
        <source>The quality runs could not be read or written: {reason}.</source>
        <translation>无法读取或写入质量测试的运行：{reason}。</translation>
    </message>
    <message>
        <source>The quality runs were written by a newer Stillroom (schema {found}, here {known}).</source>
        <translation>质量测试的运行由较新的 Stillroom 写成（格式版本 {found}，此处为 {known}）。</translation>
    </message>
    <message>
        <source>The release names a file that it cannot be: {name}.</source>
        <translation>此版本指定了一个不可能的文件：{name}。</translation>
    </message>
    <message>
        <source>The reply of {host} broke off: {reason}.</source>
        <translation>{host} 的回答中断：{reason}。</translation>
    </message>
    <message>
        <source>The request ended before its body was there.</source>
        <translation>请求在正文到齐之前结束。</translation>
    </message>
    <message>
        <source>The rpc-server at {address} offers no device.</source>
        <translation>{address} 上的 rpc-server 没有提供设备。</translation>
    </message>
    <message>
        <source>The rpc-server at {address} speaks version {theirs} of its protocol, and this llama.cpp {ours}.</source>
        <translation>{address} 上的 rpc-server 使用协议版本 {theirs}，而这里的 llama.cpp 使用 {ours}。</translation>
    </message>
    <message>
        <source>The rpc-server does not start.</source>
        <translation>rpc-server 无法启动。</translation>
    </message>
    <message>
        <source>The rpc-server ended (exit code {status}).</source>
        <translation>rpc-server 已结束（退出码 {status}）。</translation>
    </message>
    <message>
        <source>The rule {rule} has no id of its own.</source>
        <translation>规则 {rule} 没有自己的标识。</translation>
    </message>
    <message>
        <source>The rule {rule} limits the length, so there is nothing it could take out.</source>
        <translation>规则 {rule} 限制长度，因此没有可剔除的内容。</translation>
    </message>
    <message>
        <source>The rule {rule} needs a number of characters.</source>
        <translation>规则 {rule} 需要一个字符数。</translation>
    </message>
    <message>
        <source>The running Stillroom refused the request.</source>
        <translation>正在运行的 Stillroom 拒绝了请求。</translation>
    </message>
    <message>
        <source>The selection needs {tokens} tokens, and {budget} are left for the question.</source>
        <translation>所选内容需要 {tokens} 个词元，而留给问题的只有 {budget} 个。</translation>
    </message>
    <message>
        <source>The server gives no sizes and checksums for {repo}, so a download could not be verified.</source>
        <translation>服务器没有给出 {repo} 的大小和校验和，因此无法校验下载。</translation>
    </message>
    <message>
        <source>The server of this model is not there any more, or nothing may be sent to it.</source>
        <translation>此模型的服务器已不存在，或不允许向其发送内容。</translation>
    </message>
    <message>
        <source>The setting {setting} = {value} in config.json is not supported.</source>
        <translation>不支持 config.json 中的设置 {setting} = {value}。</translation>
    </message>
    <message>
        <source>The setting {setting} = {value} in config.json makes no sense.</source>
        <translation>config.json 中的设置 {setting} = {value} 不合理。</translation>
    </message>
    <message>
        <source>The settings could not be saved to {path}: {reason}.</source>
        <translation>无法把设置保存到 {path}：{reason}。</translation>
    </message>
    <message>
        <source>The speed of memory and processor could not be measured: the process ended with {code}.</source>
        <translation>无法测量内存和处理器的速度：进程以 {code} 结束。</translation>
    </message>
    <message>
        <source>The starter model belongs to Stillroom.</source>
        <translation>入门模型属于 Stillroom。</translation>
    </message>
    <message>
        <source>The starter model is not installed.</source>
        <translation>尚未安装入门模型。</translation>
    </message>
    <message>
        <source>The suites are: {known}.</source>
        <translation>可用的测试套件：{known}。</translation>
    </message>
    <message>
        <source>The system lets only administrators read the processor&apos;s energy counter.</source>
        <translation>系统只允许管理员读取处理器的能量计数器。</translation>
    </message>
    <message>
        <source>The tensor {tensor} cannot be quantised: its rows are {columns} weights long, which {block} does not divide.</source>
        <translation>张量 {tensor} 无法量化：每行有 {columns} 个权重，不能被 {block} 整除。</translation>
    </message>
    <message>
        <source>The tensor {tensor} has several matrices in one.</source>
        <translation>张量 {tensor} 含有多个矩阵。</translation>
    </message>
    <message>
        <source>The tensor {tensor} has the shape {shape}, but config.json asks for {expected}.</source>
        <translation>张量 {tensor} 的形状为 {shape}，而 config.json 要求 {expected}。</translation>
    </message>
    <message>
        <source>The tensor {tensor} holds numbers that are infinite, not numbers, or too large to be quantised.</source>
        <translation>张量 {tensor} 含有无穷大、非数字或过大而无法量化的值。</translation>
    </message>
    <message>
        <source>The tensor {tensor} holds weights that are too large for f16.</source>
        <translation>张量 {tensor} 含有超出 f16 范围的权重。</translation>
    </message>
    <message>
        <source>The tensor {tensor} in {file} has the data type {dtype}, which Stillroom does not know.</source>
        <translation>{file} 中的张量 {tensor} 为 Stillroom 不认识的数据类型 {dtype}。</translation>
    </message>
    <message>
        <source>The tensor {tensor} is in {first} and again in {second}.</source>
        <translation>张量 {tensor} 同时出现在 {first} 和 {second} 中。</translation>
    </message>
    <message>
        <source>The tensor {tensor} is not in the index of the weights.</source>
        <translation>张量 {tensor} 不在权重索引中。</translation>
    </message>
    <message>
        <source>The tensor {tensor} is not in {file}, where the index has it.</source>
        <translation>索引指出张量 {tensor} 在 {file} 中，但其中没有。</translation>
    </message>
    <message>
        <source>The tensor {tensor} is stored as {dtype}, which Stillroom does not convert.</source>
        <translation>张量 {tensor} 以 {dtype} 存储，Stillroom 不能转换此类型。</translation>
    </message>
    <message>
        <source>The text has {prompt_tokens} tokens, but a vector is made of {context_tokens} at most.</source>
        <translation>文字有 {prompt_tokens} 个词元，而得出向量最多用 {context_tokens} 个。</translation>
    </message>
    <message>
        <source>The text is empty.</source>
        <translation>文字为空。</translation>
    </message>
    <message>
        <source>The text is still here. Save it under another name or in another folder.</source>
        <translation>文本仍在这里。请以其他名称保存，或保存到其他文件夹。</translation>
    </message>
    <message>
        <source>The text is too short: it has {tokens} tokens, and {needed} are needed.</source>
        <translation>文字太短：有 {tokens} 个词元，需要 {needed} 个。</translation>
    </message>
    <message>
        <source>The tokenizer has {tokens} tokens, but the model&apos;s vocabulary ends at {vocabulary}.</source>
        <translation>分词器有 {tokens} 个词元，而模型的词表只到 {vocabulary}。</translation>
    </message>
    <message>
        <source>The tokenizer model {kind} is not supported.</source>
        <translation>不支持分词器模型 {kind}。</translation>
    </message>
    <message>
        <source>The window may not open: system libraries are missing. The commands work.</source>
        <translation>窗口可能无法打开：缺少系统库。命令可以使用。</translation>
    </message>
    <message>
        <source>The window needs glibc {needed} or newer; this system has {found}. The commands work.</source>
        <translation>窗口需要 glibc {needed} 或更新版本；此系统为 {found}。命令可以使用。</translation>
    </message>
    <message>
        <source>The {setting} is {value}; it must lie between {low} and {high}.</source>
        <translation>{setting} 为 {value}，必须在 {low} 与 {high} 之间。</translation>
    </message>
    <message>
        <source>There are more than {most} rules.</source>
        <translation>规则超过 {most} 条。</translation>
    </message>
    <message>
        <source>There are no safetensors weights in {folder}.</source>
        <translation>{folder} 中没有 safetensors 权重。</translation>
    </message>
    <message>
        <source>There is an NVIDIA card, but NVIDIA&apos;s driver is not installed or not loaded.</source>
        <translation>有 NVIDIA 显卡，但 NVIDIA 驱动未安装或未加载。</translation>
    </message>
    <message>
        <source>There is no GGUF file in {folder}.</source>
        <translation>{folder} 中没有 GGUF 文件。</translation>
    </message>
    <message>
        <source>There is no Node.js on this computer.</source>
        <translation>本机没有 Node.js。</translation>
    </message>
    <message>
        <source>There is no Python on this computer.</source>
        <translation>本机没有 Python。</translation>
    </message>
    <message>
        <source>There is no benchmark suite named {name}.</source>
        <translation>没有名为 {name} 的基准测试套件。</translation>
    </message>
    <message>
        <source>There is no checkpoint in {folder}: config.json is missing.</source>
        <translation>{folder} 中没有检查点：缺少 config.json。</translation>
    </message>
    <message>
        <source>There is no display here, so the window cannot open. The commands work.</source>
        <translation>这里没有显示器，窗口无法打开。命令可以使用。</translation>
    </message>
    <message>
        <source>There is no finished quality run of {model} to compare with.</source>
        <translation>没有 {model} 已完成的质量测试可供比较。</translation>
    </message>
    <message>
        <source>There is no run of {model} to compare with.</source>
        <translation>没有可供比较的 {model} 的运行。</translation>
    </message>
    <message>
        <source>There is no full-precision file of {model} here to compare it with.</source>
        <translation>这里没有 {model} 的全精度文件可供比较。</translation>
    </message>
    <message>
        <source>Address already in use</source>
        <translation>地址已被占用</translation>
    </message>
    <message>
        <source>Broken pipe</source>
        <translation>管道已断开</translation>
    </message>
    <message>
        <source>Cannot allocate memory</source>
        <translation>无法分配内存</translation>
    </message>
    <message>
        <source>Cannot assign requested address</source>
        <translation>无法使用所请求的地址</translation>
    </message>
    <message>
        <source>Connection refused</source>
        <translation>连接被拒绝</translation>
    </message>
    <message>
        <source>Connection reset by peer</source>
        <translation>连接被对方重置</translation>
    </message>
    <message>
        <source>Connection timed out</source>
        <translation>连接超时</translation>
    </message>
    <message>
        <source>Device or resource busy</source>
        <translation>设备或资源正忙</translation>
    </message>
    <message>
        <source>Directory not empty</source>
        <translation>文件夹不为空</translation>
    </message>
    <message>
        <source>Disk quota exceeded</source>
        <translation>超出磁盘配额</translation>
    </message>
    <message>
        <source>File exists</source>
        <translation>文件已存在</translation>
    </message>
    <message>
        <source>File name too long</source>
        <translation>文件名过长</translation>
    </message>
    <message>
        <source>File too large</source>
        <translation>文件过大</translation>
    </message>
    <message>
        <source>Filename too long</source>
        <translation>文件名过长</translation>
    </message>
    <message>
        <source>Free some space, choose a smaller model or type, or keep the models on another disk.</source>
        <translation>请腾出空间、选择更小的模型或类型，或将模型保存在其他磁盘上。</translation>
    </message>
    <message>
        <source>Input/output error</source>
        <translation>输入/输出错误</translation>
    </message>
    <message>
        <source>Install Go to run Go code.</source>
        <translation>要运行 Go 代码，请安装 Go。</translation>
    </message>
    <message>
        <source>Install Rust to run Rust code.</source>
        <translation>要运行 Rust 代码，请安装 Rust。</translation>
    </message>
    <message>
        <source>Invalid argument</source>
        <translation>参数无效</translation>
    </message>
    <message>
        <source>Is a directory</source>
        <translation>这是一个文件夹</translation>
    </message>
    <message>
        <source>Name fewer or shorter files, or load the model with a larger context.</source>
        <translation>请指定更少或更短的文件，或以更大的上下文加载模型。</translation>
    </message>
    <message>
        <source>Name or service not known</source>
        <translation>未知的名称或服务</translation>
    </message>
    <message>
        <source>Network is unreachable</source>
        <translation>网络不可达</translation>
    </message>
    <message>
        <source>No route to host</source>
        <translation>没有到主机的路由</translation>
    </message>
    <message>
        <source>No space left on device</source>
        <translation>设备上没有剩余空间</translation>
    </message>
    <message>
        <source>No such device</source>
        <translation>没有此设备</translation>
    </message>
    <message>
        <source>No such file or directory</source>
        <translation>没有此文件或文件夹</translation>
    </message>
    <message>
        <source>Not a directory</source>
        <translation>不是文件夹</translation>
    </message>
    <message>
        <source>Operation not permitted</source>
        <translation>不允许此操作</translation>
    </message>
    <message>
        <source>Permission denied</source>
        <translation>权限不足</translation>
    </message>
    <message>
        <source>Put the file back, or choose another model.</source>
        <translation>请把文件放回原处，或选择另一个模型。</translation>
    </message>
    <message>
        <source>Read-only file system</source>
        <translation>文件系统为只读</translation>
    </message>
    <message>
        <source>Stillroom runs Python, JavaScript, Bash, C, C++, Rust and Go.</source>
        <translation>Stillroom 可运行 Python、JavaScript、Bash、C、C++、Rust 和 Go。</translation>
    </message>
    <message>
        <source>Temporary failure in name resolution</source>
        <translation>域名解析暂时失败</translation>
    </message>
    <message>
        <source>The disk of {folder} is too full: {needed} more are needed, and {free} are free.</source>
        <translation>{folder} 所在的磁盘空间不足：还需要 {needed}，可用 {free}。</translation>
    </message>
    <message>
        <source>There is no model called {name}.</source>
        <translation>没有名为 {name} 的模型。</translation>
    </message>
    <message>
        <source>There is no model on this computer yet.</source>
        <translation>本机还没有模型。</translation>
    </message>
    <message>
        <source>There is no model {name} here. There are: {names}.</source>
        <translation>这里没有模型 {name}。现有：{names}。</translation>
    </message>
    <message>
        <source>There is no setting named {name}.</source>
        <translation>没有名为 {name} 的设置。</translation>
    </message>
    <message>
        <source>There is no {program} on this computer.</source>
        <translation>本机没有 {program}。</translation>
    </message>
    <message>
        <source>There is not enough memory for embeddings beside the model.</source>
        <translation>除模型外没有足够的内存用于嵌入。</translation>
    </message>
    <message>
        <source>There is not enough memory for that many layers on the graphics card.</source>
        <translation>内存不足以在显卡上放这么多层。</translation>
    </message>
    <message>
        <source>There is not enough memory for {name} with a context of {context_tokens} tokens.</source>
        <translation>内存不足，无法以 {context_tokens} 个词元的上下文运行 {name}。</translation>
    </message>
    <message>
        <source>There is nothing at this path.</source>
        <translation>此路径下没有内容。</translation>
    </message>
    <message>
        <source>These chats were written by a newer Stillroom (schema {found}, this one knows {known}).</source>
        <translation>这些聊天由更新版本的 Stillroom 写入（格式版本 {found}，此版本支持 {known}）。</translation>
    </message>
    <message>
        <source>This Stillroom does not come from a release, so it does not know where newer ones are.</source>
        <translation>此 Stillroom 并非来自发行版，因此不知道较新的版本在哪里。</translation>
    </message>
    <message>
        <source>This benchmark report has the format {schema} {version}, which this Stillroom cannot read.</source>
        <translation>此基准测试报告的格式为 {schema} {version}，此版本的 Stillroom 无法读取。</translation>
    </message>
    <message>
        <source>This chat no longer exists.</source>
        <translation>此聊天已不存在。</translation>
    </message>
    <message>
        <source>This checkpoint is already quantised ({method}).</source>
        <translation>此检查点已经量化（{method}）。</translation>
    </message>
    <message>
        <source>This computer has no counter of the processor&apos;s energy that Stillroom knows (RAPL).</source>
        <translation>本机没有 Stillroom 认识的处理器能量计数器（RAPL）。</translation>
    </message>
    <message>
        <source>This computer&apos;s key store cannot be used ({reason}), so the key is kept only until Stillroom ends.</source>
        <translation>无法使用本机的密钥库（{reason}），因此密钥只保留到 Stillroom 结束为止。</translation>
    </message>
    <message>
        <source>This export was written by a newer Stillroom (version {version}).</source>
        <translation>此导出文件由更新版本的 Stillroom 写成（版本 {version}）。</translation>
    </message>
    <message>
        <source>This file has no benchmark that Stillroom can read: {reason}.</source>
        <translation>此文件中没有 Stillroom 能读取的基准测试：{reason}。</translation>
    </message>
    <message>
        <source>This is not a benchmark report of Stillroom: {reason}.</source>
        <translation>这不是 Stillroom 的基准测试报告：{reason}。</translation>
    </message>
    <message>
        <source>This machine has a graphics card ({cards}), but llama.cpp cannot use it, so the model runs on the processor. The driver is missing or too old: run “stillroom doctor”.</source>
        <translation>本机有显卡（{cards}），但 llama.cpp 无法使用它，因此模型在处理器上运行。驱动缺失或过旧：请运行“stillroom doctor”。</translation>
    </message>
    <message>
        <source>This machine has a graphics card ({cards}), but the installed llama.cpp has no CUDA or Vulkan back end, so the model runs on the processor. Run “stillroom doctor” for what to install.</source>
        <translation>本机有显卡（{cards}），但所装的 llama.cpp 没有 CUDA 或 Vulkan 后端，因此模型在处理器上运行。请运行“stillroom doctor”查看需要安装什么。</translation>
    </message>
    <message>
        <source>This message no longer exists.</source>
        <translation>此消息已不存在。</translation>
    </message>
    <message>
        <source>This method is not known here.</source>
        <translation>这里不支持此方法。</translation>
    </message>
    <message>
        <source>This model is on this computer already, so there is nothing to download.</source>
        <translation>此模型已在本机，无需下载。</translation>
    </message>
    <message>
        <source>This model splits text in a way that Stillroom does not know ({splitting}).</source>
        <translation>此模型的文本切分方式是 Stillroom 不认识的（{splitting}）。</translation>
    </message>
    <message>
        <source>This request is larger than {size}, which is more than any model reads.</source>
        <translation>此请求超过 {size}，任何模型都读不了这么多。</translation>
    </message>
    <message>
        <source>Token {token} is not in the model&apos;s vocabulary of {vocabulary}.</source>
        <translation>词元 {token} 不在模型的词表（{vocabulary} 个）中。</translation>
    </message>
    <message>
        <source>Tokenise the text with the model that is loaded.</source>
        <translation>请用已加载的模型对文本分词。</translation>
    </message>
    <message>
        <source>Try a shorter one.</source>
        <translation>请尝试较短的。</translation>
    </message>
    <message>
        <source>Try again in some minutes.</source>
        <translation>请几分钟后重试。</translation>
    </message>
    <message>
        <source>Try again later or on another network; something between here and the server changes the data.</source>
        <translation>请稍后或换个网络重试；本机与服务器之间有某个环节改动了数据。</translation>
    </message>
    <message>
        <source>Try again later, or use another HF_ENDPOINT.</source>
        <translation>请稍后重试，或使用其他 HF_ENDPOINT。</translation>
    </message>
    <message>
        <source>Try again later.</source>
        <translation>请稍后重试。</translation>
    </message>
    <message>
        <source>Try again later. If it stays so, get the release by hand and compare its checksum.</source>
        <translation>请稍后重试。如果仍然如此，请手动获取发行版并比较其校验和。</translation>
    </message>
    <message>
        <source>Try again, leave the oldest messages out, or start a new chat.</source>
        <translation>请重试、略去最早的消息，或开始新聊天。</translation>
    </message>
    <message>
        <source>Try again; if it happens again, load the model with a smaller context or with fewer layers on the graphics card.</source>
        <translation>请重试；如果再次发生，请减小上下文或 GPU 层数后加载模型。</translation>
    </message>
    <message>
        <source>Try again; if it happens again, the memory may be too small or a file may be damaged.</source>
        <translation>请重试；如果再次发生，可能是内存不足或文件损坏。</translation>
    </message>
    <message>
        <source>Try again; the log holds the details.</source>
        <translation>请重试；详情见日志。</translation>
    </message>
    <message>
        <source>Unload the model first, then try again.</source>
        <translation>请先卸载模型，然后重试。</translation>
    </message>
    <message>
        <source>Unset HF_HUB_OFFLINE to download; models on disk work without.</source>
        <translation>要下载，请取消设置 HF_HUB_OFFLINE；已在本机的模型无需联网。</translation>
    </message>
    <message>
        <source>Update Stillroom to open it. The file has not been changed.</source>
        <translation>请更新 Stillroom 后再打开。文件没有被更改。</translation>
    </message>
    <message>
        <source>Update Stillroom to open them. The file has not been changed.</source>
        <translation>请更新 Stillroom 后再打开。文件没有被更改。</translation>
    </message>
    <message>
        <source>Update Stillroom to read it.</source>
        <translation>请更新 Stillroom 后再读取。</translation>
    </message>
    <message>
        <source>Use + in place of *, for instance.</source>
        <translation>例如用 + 代替 *。</translation>
    </message>
    <message>
        <source>Use + or * there.</source>
        <translation>请在那里使用 + 或 *。</translation>
    </message>
    <message>
        <source>Use Debian 12, Ubuntu 22.04 or newer.</source>
        <translation>请使用 Debian 12、Ubuntu 22.04 或更新版本。</translation>
    </message>
    <message>
        <source>Use a JSON schema, or load a model here.</source>
        <translation>请使用 JSON 模式，或在本机加载模型。</translation>
    </message>
    <message>
        <source>Use a file that llama-imatrix has made, or the version that Stillroom was released with.</source>
        <translation>请使用 llama-imatrix 生成的文件，或 Stillroom 发布时所用的版本。</translation>
    </message>
    <message>
        <source>Use an importance matrix that was made with this model.</source>
        <translation>请使用由此模型生成的重要性矩阵。</translation>
    </message>
    <message>
        <source>Use another file, or let Stillroom collect one.</source>
        <translation>请使用其他文件，或让 Stillroom 收集一个。</translation>
    </message>
    <message>
        <source>Use huggingface.co, or another HF_ENDPOINT.</source>
        <translation>请使用 huggingface.co 或其他 HF_ENDPOINT。</translation>
    </message>
    <message>
        <source>Use the address that Stillroom shows.</source>
        <translation>请使用 Stillroom 显示的地址。</translation>
    </message>
    <message>
        <source>Web pages may not call Stillroom.</source>
        <translation>网页不可以调用 Stillroom。</translation>
    </message>
    <message>
        <source>Web pages of this origin may not call Stillroom.</source>
        <translation>此来源的网页不可以调用 Stillroom。</translation>
    </message>
    <message>
        <source>What had come is kept. Ask again once the server can be reached.</source>
        <translation>已到达的内容已保留。能连上服务器时请再次提问。</translation>
    </message>
    <message>
        <source>What {address} says about releases is not signed by Stillroom&apos;s key, so it is not believed.</source>
        <translation>{address} 关于版本的说明没有 Stillroom 密钥的签名，因此不予采信。</translation>
    </message>
    <message>
        <source>Write what is to be found.</source>
        <translation>请写出要查找的内容。</translation>
    </message>
    <message>
        <source>it fits the empty text, so it would be found everywhere.</source>
        <translation>它与空文本匹配，因此到处都会被找到。</translation>
    </message>
    <message>
        <source>it holds something else</source>
        <translation>其中是别的内容</translation>
    </message>
    <message>
        <source>it is empty.</source>
        <translation>它是空的。</translation>
    </message>
    <message>
        <source>it is nested too deeply.</source>
        <translation>它的嵌套太深。</translation>
    </message>
    <message>
        <source>its counted repeats come to more than {repeats:,}.</source>
        <translation>其计数重复合计超过 {repeats:,} 次。</translation>
    </message>
    <message>
        <source>llama.cpp made no vector</source>
        <translation>llama.cpp 没有给出向量</translation>
    </message>
    <message>
        <source>the files do not hold what the head names</source>
        <translation>文件中没有头部所指的内容</translation>
    </message>
    <message>
        <source>the head was missing</source>
        <translation>头部缺失</translation>
    </message>
    <message>
        <source>tool_choice names a tool that is not there.</source>
        <translation>tool_choice 指定了不存在的工具。</translation>
    </message>
    <message>
        <source>{address} is no address of a server.</source>
        <translation>{address} 不是服务器的地址。</translation>
    </message>
    <message>
        <source>{file} does not say what its {key} is.</source>
        <translation>{file} 没有说明其 {key}。</translation>
    </message>
    <message>
        <source>{file} is a {architecture} model, which Stillroom does not quantise.</source>
        <translation>{file} 是 {architecture} 模型，Stillroom 不对其量化。</translation>
    </message>
    <message>
        <source>{gpu_layers} of {layers} layers fit on the {gpu} ({free} free), the rest runs on the processor: it takes {needed} in all, with {replies} × {context} tokens of context (replies side by side).</source>
        <translation>{layers} 层中有 {gpu_layers} 层可放入 {gpu}（空闲 {free}），其余在处理器上运行：共占用 {needed}，{replies} 个并行回答 × {context} 个词元的上下文。</translation>
    </message>
    <message>
        <source>{gpu_layers} of {layers} layers run on the graphics card ({cards}, {free_gb:.1f} GB free), the rest on the processor, which is slower. A smaller quantisation or context would fit more.</source>
        <translation>{layers} 层中有 {gpu_layers} 层在显卡上运行（{cards}，可用 {free_gb:.1f} GB），其余在处理器上，速度较慢。更小的量化或上下文可放入更多层。</translation>
    </message>
    <message>
        <source>{host} answers, but not as an OpenAI-compatible server.</source>
        <translation>{host} 有答复，但不是兼容 OpenAI 的服务器。</translation>
    </message>
    <message>
        <source>{host} cannot be reached: {reason}.</source>
        <translation>无法连接 {host}：{reason}。</translation>
    </message>
    <message>
        <source>{host} does not accept the key ({status}).</source>
        <translation>{host} 不接受此密钥（{status}）。</translation>
    </message>
    <message>
        <source>{host} does not know this access token.</source>
        <translation>{host} 不认识此访问令牌。</translation>
    </message>
    <message>
        <source>{host} has too much to do (429): {said}</source>
        <translation>{host} 过于繁忙（429）：{said}</translation>
    </message>
    <message>
        <source>{host} offers no model.</source>
        <translation>{host} 不提供任何模型。</translation>
    </message>
    <message>
        <source>{host} refuses ({status}): {said}</source>
        <translation>{host} 拒绝（{status}）：{said}</translation>
    </message>
    <message>
        <source>{host} refuses to search (HTTP {status}).</source>
        <translation>{host} 拒绝搜索（HTTP {status}）。</translation>
    </message>
    <message>
        <source>{language} is not run here.</source>
        <translation>这里不运行 {language}。</translation>
    </message>
    <message>
        <source>{name} at the hub is another file than the one that was downloaded first.</source>
        <translation>模型库中的 {name} 与最初下载的文件不同。</translation>
    </message>
    <message>
        <source>{name} cannot be read: it has another form than expected.</source>
        <translation>无法读取 {name}：其形式与预期不同。</translation>
    </message>
    <message>
        <source>{name} cannot be used: {reason}.</source>
        <translation>无法使用 {name}：{reason}。</translation>
    </message>
    <message>
        <source>{name} holds no text.</source>
        <translation>{name} 中没有文字。</translation>
    </message>
    <message>
        <source>{name} is a model of the architecture “{architecture}”, which this llama.cpp does not know.</source>
        <translation>{name} 是“{architecture}”架构的模型，这个 llama.cpp 不认识这种架构。</translation>
    </message>
    <message>
        <source>{name} is damaged.</source>
        <translation>{name} 已损坏。</translation>
    </message>
    <message>
        <source>{name} is larger than 4 MB.</source>
        <translation>{name} 大于 4 MB。</translation>
    </message>
    <message>
        <source>{name} is larger than {size}.</source>
        <translation>{name} 大于 {size}。</translation>
    </message>
    <message>
        <source>{name} is no embedding model.</source>
        <translation>{name} 不是嵌入模型。</translation>
    </message>
    <message>
        <source>{name} is not a kind of file that can be read here.</source>
        <translation>{name} 不是这里能读取的文件类型。</translation>
    </message>
    <message>
        <source>{name} is protected by a password.</source>
        <translation>{name} 受密码保护。</translation>
    </message>
    <message>
        <source>{name} needs too much memory to be read.</source>
        <translation>读取 {name} 需要过多内存。</translation>
    </message>
    <message>
        <source>{name} takes too long to be read.</source>
        <translation>读取 {name} 用时过长。</translation>
    </message>
    <message>
        <source>{path} could not be written: {reason}.</source>
        <translation>无法写入 {path}：{reason}。</translation>
    </message>
    <message>
        <source>{place}: {reason}.</source>
        <translation>{place}：{reason}。</translation>
    </message>
    <message>
        <source>{reason}, at character {place}.</source>
        <translation>{reason}，在第 {place} 个字符处。</translation>
    </message>
    <message>
        <source>{repo} does not hold {path} as it should.</source>
        <translation>{repo} 中的 {path} 与应有的不符。</translation>
    </message>
    <message>
        <source>{what} was damaged and could not be saved.</source>
        <translation>{what}已损坏，未能保住。</translation>
    </message>
    <message>
        <source>{what} was damaged: some of it may not be what was written.</source>
        <translation>{what}曾损坏：其中部分内容可能与写入时不同。</translation>
    </message>
    <message>
        <source>{what} was damaged; what the backup of {time} has of it is in its place.</source>
        <translation>{what}已损坏；现已换上 {time} 的备份中的内容。</translation>
    </message>
    <message>
        <source>“Try again from the start” in the load settings forgets that.</source>
        <translation>加载设置中的“从头再试”会忘记这一点。</translation>
    </message>
    <message>
        <source>Use the model&apos;s original weights in bf16, f16 or f32.</source>
        <translation>请使用模型的 bf16、f16 或 f32 原始权重。</translation>
    </message>
    <message>
        <source>A card was put in that NVIDIA&apos;s libraries were not tried on yet.</source>
        <translation>装入了一块尚未用 NVIDIA 库试过的显卡。</translation>
    </message>
    <message>
        <source>A model is being measured, which reads its files.</source>
        <translation>正在测量一个模型，测量时要读取它的文件。</translation>
    </message>
    <message>
        <source>A reply can go on only with a model on this computer.</source>
        <translation>只有本机上的模型才能接着写回答。</translation>
    </message>
    <message>
        <source>Accept them at {endpoint}/{repo}, then give a token of the same account: in Settings &gt; Hugging Face, or as HF_TOKEN.</source>
        <translation>请在 {endpoint}/{repo} 接受条款，然后在“设置 &gt; Hugging Face”中或用 HF_TOKEN 提供同一账户的令牌。</translation>
    </message>
    <message>
        <source>Ask for a larger size, or choose a smaller model.</source>
        <translation>请指定更大的大小，或选择更小的模型。</translation>
    </message>
    <message>
        <source>Ask for a shorter context, or choose a smaller model.</source>
        <translation>请指定更短的上下文，或选择更小的模型。</translation>
    </message>
    <message>
        <source>Ask for another reply, or go on without the grammar or the schema.</source>
        <translation>请重新生成回答，或去掉语法或模式后再继续。</translation>
    </message>
    <message>
        <source>Ask for another reply, or load a model here.</source>
        <translation>请重新请求一条回答，或在本机加载模型。</translation>
    </message>
    <message>
        <source>Ask whoever runs the proxy, or name another proxy or mirror in the settings.</source>
        <translation>请询问代理的管理者，或在设置中指定其他代理或镜像。</translation>
    </message>
    <message>
        <source>Change or remove it in Settings &gt; Hugging Face, or where HF_TOKEN is set: public models need none.</source>
        <translation>请在“设置 &gt; Hugging Face”中或设置 HF_TOKEN 的地方更改或删除它：公开的模型不需要令牌。</translation>
    </message>
    <message>
        <source>Check that Stillroom may use it, and that its disk is not write-protected.</source>
        <translation>请检查 Stillroom 是否有权使用它，以及它所在的磁盘是否被写保护。</translation>
    </message>
    <message>
        <source>Check the access token in the settings of Hugging Face, or get a model by its id.</source>
        <translation>请检查 Hugging Face 设置中的访问令牌，或按 ID 获取模型。</translation>
    </message>
    <message>
        <source>Check the internet connection, and mirror and proxy in the settings, or HTTPS_PROXY and HF_ENDPOINT where they are used. Models on disk work without.</source>
        <translation>请检查网络连接，以及设置中的镜像和代理，或所用的 HTTPS_PROXY 和 HF_ENDPOINT。磁盘上的模型无需网络即可使用。</translation>
    </message>
    <message>
        <source>Check the spelling; for a private one give a token that may read it: in Settings &gt; Hugging Face, or as HF_TOKEN.</source>
        <translation>请检查拼写；私有模型请在“设置 &gt; Hugging Face”中或用 HF_TOKEN 提供有权读取它的令牌。</translation>
    </message>
    <message>
        <source>Choose a disk with more room.</source>
        <translation>请选择空间更大的磁盘。</translation>
    </message>
    <message>
        <source>Choose a file that is whole, or make a type of the original weights.</source>
        <translation>请选择未拆分的文件，或由原始权重制作某种类型。</translation>
    </message>
    <message>
        <source>Choose a folder beside it, or on another disk.</source>
        <translation>请选择与其并列的文件夹，或另一个磁盘上的文件夹。</translation>
    </message>
    <message>
        <source>Choose a model of another kind, or a newer Stillroom.</source>
        <translation>请选择其他种类的模型，或使用更新的 Stillroom。</translation>
    </message>
    <message>
        <source>Choose an empty one, so that nothing of yours is mixed with the models.</source>
        <translation>请选择一个空文件夹，以免你的文件与模型混在一起。</translation>
    </message>
    <message>
        <source>Choose it anew for this one.</source>
        <translation>请为此模型重新选择。</translation>
    </message>
    <message>
        <source>Connect its disk and start Stillroom again; nothing is lost.</source>
        <translation>请连接其磁盘并重新启动 Stillroom；没有任何丢失。</translation>
    </message>
    <message>
        <source>Copy it whole from the hub&apos;s page of access tokens; it begins with hf_.</source>
        <translation>请从模型库的访问令牌页面完整复制；它以 hf_ 开头。</translation>
    </message>
    <message>
        <source>Delete it where it lies.</source>
        <translation>请在它所在的位置删除它。</translation>
    </message>
    <message>
        <source>Fits entirely on the {gpu}, {free} free: it takes {needed}, which are {weights} weights, {cache} cache for {replies} × {context} tokens of context (replies side by side) and {buffers} buffers.</source>
        <translation>可完全放入 {gpu}（空闲 {free}）：占用 {needed}，其中权重 {weights}，缓存 {cache}（{replies} 个并行回答 × {context} 个词元的上下文），缓冲区 {buffers}。</translation>
    </message>
    <message>
        <source>Free some space and try again; what is there already is used.</source>
        <translation>请腾出一些空间后重试；已有的部分会继续使用。</translation>
    </message>
    <message>
        <source>Free some space: Stillroom goes on by itself then. What was kept can be read.</source>
        <translation>请释放一些空间：之后 Stillroom 会自动继续。已保存的内容仍可阅读。</translation>
    </message>
    <message>
        <source>Give it as https://host or http://host:port.</source>
        <translation>请写成 https://host 或 http://host:port。</translation>
    </message>
    <message>
        <source>It is in several parts, which Stillroom does not join.</source>
        <translation>它分为多个部分，Stillroom 不会合并。</translation>
    </message>
    <message>
        <source>It knows {count} others, {names} among them: choose a model of one of these, or a newer Stillroom.</source>
        <translation>它认识另外 {count} 种，其中有 {names}：请选择这些架构的模型，或使用更新的 Stillroom。</translation>
    </message>
    <message>
        <source>It may have expired, or belong to another server. Make a new one on the hub&apos;s page of access tokens.</source>
        <translation>它可能已过期，或属于其他服务器。请在模型库的访问令牌页面新建一个。</translation>
    </message>
    <message>
        <source>It would take about {minutes} min more here; the suite Full measures it.</source>
        <translation>在本机上还需约 {minutes} 分钟；“完整”套件会测量它。</translation>
    </message>
    <message>
        <source>Leave them out here, and put the whole address into HTTPS_PROXY or HF_ENDPOINT.</source>
        <translation>请在这里省略它们，并把完整地址写入 HTTPS_PROXY 或 HF_ENDPOINT。</translation>
    </message>
    <message>
        <source>Load the model with a larger context.</source>
        <translation>请用更大的上下文加载模型。</translation>
    </message>
    <message>
        <source>Memory is too short for {before} replies side by side, so there are {after} at once.</source>
        <translation>内存不足以同时生成 {before} 个回答，因此同时只生成 {after} 个。</translation>
    </message>
    <message>
        <source>Memory is too short to read prompts {before} tokens at a time, so it is {after}: they take somewhat longer.</source>
        <translation>内存不足以每次读取 {before} 个提示词词元，因此每次读取 {after} 个：提示词会慢一些。</translation>
    </message>
    <message>
        <source>Models of the kind {name} cannot be used.</source>
        <translation>不能使用 {name} 类的模型。</translation>
    </message>
    <message>
        <source>Name a size: --size 4.1GB.</source>
        <translation>请指定大小：--size 4.1GB。</translation>
    </message>
    <message>
        <source>Name the model&apos;s original weights or its BF16 file.</source>
        <translation>请指定该模型的原始权重或其 BF16 文件。</translation>
    </message>
    <message>
        <source>Not even the smallest file of {model} fits this computer so.</source>
        <translation>即使是 {model} 的最小文件，也无法以这种方式在本机上运行。</translation>
    </message>
    <message>
        <source>Only its name says so, or it is damaged. Get it again, or choose another one.</source>
        <translation>它只是名称如此，或者已损坏。请重新获取，或选择其他文件。</translation>
    </message>
    <message>
        <source>Only the last message can go on, and only one of the assistant.</source>
        <translation>只有最后一条消息可以接着写，而且必须是助手的消息。</translation>
    </message>
    <message>
        <source>Original weights may be of {families}; finished GGUF files, of all that llama.cpp knows.</source>
        <translation>原始权重可以是 {families}；现成的 GGUF 文件可以是 llama.cpp 支持的任何类型。</translation>
    </message>
    <message>
        <source>Put them into HTTPS_PROXY, as http://name:password@proxy:port, and leave the proxy in the settings empty; then start Stillroom again.</source>
        <translation>请以 http://name:password@proxy:port 的形式写入 HTTPS_PROXY，并将设置中的代理留空，然后重新启动 Stillroom。</translation>
    </message>
    <message>
        <source>Put what the model has said so far at the end of the messages.</source>
        <translation>请把模型目前为止说的内容放在消息列表的最后。</translation>
    </message>
    <message>
        <source>Runs on the processor and takes {needed} of the {ram} of RAM that are free: {weights} weights, {cache} cache for {replies} × {context} tokens of context (replies side by side) and {buffers} buffers.</source>
        <translation>在处理器上运行，占用空闲的 {ram} 内存中的 {needed}：权重 {weights}，缓存 {cache}（{replies} 个并行回答 × {context} 个词元的上下文），缓冲区 {buffers}。</translation>
    </message>
    <message>
        <source>See whether {endpoint} opens in a browser, and check the mirror in the settings, or HF_ENDPOINT where it is used.</source>
        <translation>请看 {endpoint} 能否在浏览器中打开，并检查设置中的镜像，或所用的 HF_ENDPOINT。</translation>
    </message>
    <message>
        <source>Stillroom does not use it any more. To delete it, look for stillroom in the key store.</source>
        <translation>Stillroom 不再使用它。要删除它，请在密钥库中查找 stillroom。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is cut short: {part} reaches past the end.</source>
        <translation>GGUF 文件 {file} 不完整：{part} 超出其末尾。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: a name in its header is {length} bytes long.</source>
        <translation>GGUF 文件 {file} 已损坏：文件头中有一个名称长达 {length} 字节。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: it claims more entries than it can hold.</source>
        <translation>GGUF 文件 {file} 已损坏：它声称的条目数超出其容量。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: its alignment is {alignment}.</source>
        <translation>GGUF 文件 {file} 已损坏：其对齐值为 {alignment}。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: its header is longer than 64 MB.</source>
        <translation>GGUF 文件 {file} 已损坏：其文件头超过 64 MB。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: its header reaches past the end of the file.</source>
        <translation>GGUF 文件 {file} 已损坏：其文件头超出文件末尾。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: the metadata key {part} is empty or occurs twice.</source>
        <translation>GGUF 文件 {file} 已损坏：元数据键 {part} 为空或出现了两次。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: the tensor {part} occurs twice.</source>
        <translation>GGUF 文件 {file} 已损坏：张量 {part} 出现了两次。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: {part} does not lie where it should.</source>
        <translation>GGUF 文件 {file} 已损坏：{part} 不在应在的位置。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: {part} has an impossible shape.</source>
        <translation>GGUF 文件 {file} 已损坏：{part} 的形状不可能成立。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: {part} has an unknown type.</source>
        <translation>GGUF 文件 {file} 已损坏：{part} 的类型未知。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: {part} has the unknown type {type}.</source>
        <translation>GGUF 文件 {file} 已损坏：{part} 的类型 {type} 未知。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: {part} has {count} dimensions.</source>
        <translation>GGUF 文件 {file} 已损坏：{part} 有 {count} 个维度。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: {part} has {entries} entries for {tokens} tokens.</source>
        <translation>GGUF 文件 {file} 已损坏：{part} 有 {entries} 个条目，而词元有 {tokens} 个。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: {part} is a list of lists.</source>
        <translation>GGUF 文件 {file} 已损坏：{part} 是列表的列表。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is damaged: {part} reaches past the end of the file.</source>
        <translation>GGUF 文件 {file} 已损坏：{part} 超出文件末尾。</translation>
    </message>
    <message>
        <source>The GGUF file {file} is for big-endian machines, which llama.cpp does not read here.</source>
        <translation>GGUF 文件 {file} 用于大端机器，此处的 llama.cpp 无法读取。</translation>
    </message>
    <message>
        <source>The adapter {file} is damaged: it holds the tensor {tensor}.</source>
        <translation>适配器 {file} 已损坏：其中含有张量 {tensor}。</translation>
    </message>
    <message>
        <source>The adapter {file} is damaged: its alpha is no number.</source>
        <translation>适配器 {file} 已损坏：其 alpha 不是数字。</translation>
    </message>
    <message>
        <source>The adapter {file} is damaged: the matrices of {tensor} do not go together.</source>
        <translation>适配器 {file} 已损坏：{tensor} 的两个矩阵不匹配。</translation>
    </message>
    <message>
        <source>The adapter {file} is damaged: {tensor} has an unknown form.</source>
        <translation>适配器 {file} 已损坏：{tensor} 的形式未知。</translation>
    </message>
    <message>
        <source>The adapter {file} is damaged: {tensor} has only one of its two matrices.</source>
        <translation>适配器 {file} 已损坏：{tensor} 的两个矩阵只有一个。</translation>
    </message>
    <message>
        <source>The address holds a name and a password, and settings are no place for secrets.</source>
        <translation>地址中含有用户名和密码，而设置不应存放机密。</translation>
    </message>
    <message>
        <source>The disk of {folder} or the memory may be faulty. The models are where they were.</source>
        <translation>{folder} 所在的磁盘或内存可能有故障。模型仍在原处。</translation>
    </message>
    <message>
        <source>The driver {driver} is too old for CUDA {cuda}; {card} is used through Vulkan.</source>
        <translation>驱动程序 {driver} 对于 CUDA {cuda} 来说太旧；{card} 通过 Vulkan 使用。</translation>
    </message>
    <message>
        <source>The file may be damaged: build or download it again.</source>
        <translation>文件可能已损坏：请重新构建或下载。</translation>
    </message>
    <message>
        <source>The file tokenizer.json is damaged: a merge is not a pair.</source>
        <translation>文件 tokenizer.json 已损坏：有一条合并规则不是一对。</translation>
    </message>
    <message>
        <source>The file tokenizer.json is damaged: an added token has no id or no text.</source>
        <translation>文件 tokenizer.json 已损坏：有一个附加词元缺少编号或文本。</translation>
    </message>
    <message>
        <source>The file tokenizer.json is damaged: it has no merges.</source>
        <translation>文件 tokenizer.json 已损坏：其中没有合并规则。</translation>
    </message>
    <message>
        <source>The file tokenizer.json is damaged: it has no vocabulary.</source>
        <translation>文件 tokenizer.json 已损坏：其中没有词表。</translation>
    </message>
    <message>
        <source>The file tokenizer.json is damaged: its added tokens are not a list.</source>
        <translation>文件 tokenizer.json 已损坏：其附加词元不是列表。</translation>
    </message>
    <message>
        <source>The file tokenizer.json is damaged: the added token {token} has the id {id} instead of {expected}.</source>
        <translation>文件 tokenizer.json 已损坏：附加词元 {token} 的编号是 {id}，而不是 {expected}。</translation>
    </message>
    <message>
        <source>The file tokenizer.json is damaged: the id {id} stands for two tokens.</source>
        <translation>文件 tokenizer.json 已损坏：编号 {id} 对应两个词元。</translation>
    </message>
    <message>
        <source>The file tokenizer.json is damaged: the merge of {first} and {second} gives no token.</source>
        <translation>文件 tokenizer.json 已损坏：{first} 与 {second} 合并后不是词元。</translation>
    </message>
    <message>
        <source>The file tokenizer.json is damaged: the token {token} has no valid id.</source>
        <translation>文件 tokenizer.json 已损坏：词元 {token} 没有有效编号。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: a name occurs twice in its header.</source>
        <translation>文件 {file} 已损坏：其文件头中有名称出现了两次。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: its header is cut short.</source>
        <translation>文件 {file} 已损坏：其文件头不完整。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: its header is longer than the format allows.</source>
        <translation>文件 {file} 已损坏：其文件头超过格式允许的长度。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: its header is not a table of tensors.</source>
        <translation>文件 {file} 已损坏：其文件头不是张量表。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: its header is not valid JSON.</source>
        <translation>文件 {file} 已损坏：其文件头不是有效的 JSON。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: its length does not match its header.</source>
        <translation>文件 {file} 已损坏：其长度与文件头不符。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: the entry of {tensor} is malformed.</source>
        <translation>文件 {file} 已损坏：{tensor} 的条目格式有误。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: the size of {tensor} does not follow from its shape.</source>
        <translation>文件 {file} 已损坏：{tensor} 的大小与其形状不符。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: there is a hole before {tensor}.</source>
        <translation>文件 {file} 已损坏：{tensor} 之前有空洞。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: {tensor} overlaps another tensor.</source>
        <translation>文件 {file} 已损坏：{tensor} 与另一个张量重叠。</translation>
    </message>
    <message>
        <source>The file {file} is damaged: {tensor} reaches past the end of the file.</source>
        <translation>文件 {file} 已损坏：{tensor} 超出文件末尾。</translation>
    </message>
    <message>
        <source>The folder of your models is not there: {folder}.</source>
        <translation>你的模型文件夹不在：{folder}。</translation>
    </message>
    <message>
        <source>The folder {folder} is not empty.</source>
        <translation>文件夹 {folder} 不是空的。</translation>
    </message>
    <message>
        <source>The grammar could not be read: {reason}.</source>
        <translation>无法读取语法：{reason}。</translation>
    </message>
    <message>
        <source>The graphics card ({cards}) has too little free memory ({free_gb:.1f} GB) for even one layer of this model, so it runs on the processor. Close other programs that use the card, or choose a smaller model or context.</source>
        <translation>显卡（{cards}）的可用显存（{free_gb:.1f} GB）连此模型的一层都放不下，因此在处理器上运行。请关闭占用显卡的其他程序，或选择更小的模型或上下文。</translation>
    </message>
    <message>
        <source>The graphics card that was chosen for this model is not there; others are used.</source>
        <translation>为此模型选择的显卡不在，改用其他显卡。</translation>
    </message>
    <message>
        <source>The importance matrix is collected again when a build needs it.</source>
        <translation>构建需要时会重新收集重要性矩阵。</translation>
    </message>
    <message>
        <source>The importance matrix {file} is damaged: a name is {bytes} bytes long.</source>
        <translation>重要性矩阵 {file} 已损坏：有一个名称长达 {bytes} 字节。</translation>
    </message>
    <message>
        <source>The importance matrix {file} is damaged: it claims more than it can hold.</source>
        <translation>重要性矩阵 {file} 已损坏：它声称的内容超出其容量。</translation>
    </message>
    <message>
        <source>The importance matrix {file} is damaged: it holds no values.</source>
        <translation>重要性矩阵 {file} 已损坏：其中没有数值。</translation>
    </message>
    <message>
        <source>The importance matrix {file} is damaged: its checksum differs.</source>
        <translation>重要性矩阵 {file} 已损坏：校验和不符。</translation>
    </message>
    <message>
        <source>The importance matrix {file} is damaged: {tensor} has {sums} sums for {counts} counts.</source>
        <translation>重要性矩阵 {file} 已损坏：{tensor} 有 {sums} 个和，而计数有 {counts} 个。</translation>
    </message>
    <message>
        <source>The importance matrix {file} is damaged: {tensor} holds negative sums.</source>
        <translation>重要性矩阵 {file} 已损坏：{tensor} 含有负的和。</translation>
    </message>
    <message>
        <source>The importance matrix {file} is damaged: {tensor} holds values that are no numbers.</source>
        <translation>重要性矩阵 {file} 已损坏：{tensor} 含有非数字的值。</translation>
    </message>
    <message>
        <source>The importance matrix {file} is larger than that of any model.</source>
        <translation>重要性矩阵 {file} 比任何模型的都大。</translation>
    </message>
    <message>
        <source>The list begins empty; what is in the old file can be taken over by hand.</source>
        <translation>列表从空白开始；旧文件中的内容可以手动取回。</translation>
    </message>
    <message>
        <source>The list of it, {journal}, was damaged.</source>
        <translation>它的记录 {journal} 已损坏。</translation>
    </message>
    <message>
        <source>The longer prompt did not take longer than the short one: the way there takes most of the time.</source>
        <translation>较长的提示词并没有比短提示词花更长时间：大部分时间花在传输上。</translation>
    </message>
    <message>
        <source>The mixture {mixture} was chosen for another model.</source>
        <translation>混合方案 {mixture} 是为另一个模型选择的。</translation>
    </message>
    <message>
        <source>The model is being measured.</source>
        <translation>正在测量此模型。</translation>
    </message>
    <message>
        <source>The model&apos;s thoughts were going in circles, so they were ended after {tokens} tokens.</source>
        <translation>模型的思考在原地打转，因此在 {tokens} 个词元后结束。</translation>
    </message>
    <message>
        <source>The models are in {folder} already.</source>
        <translation>模型已经在 {folder} 中。</translation>
    </message>
    <message>
        <source>The models cannot be moved to {folder}: {reason}.</source>
        <translation>无法将模型移动到 {folder}：{reason}。</translation>
    </message>
    <message>
        <source>The new folder {folder} and the present one are one inside the other.</source>
        <translation>新文件夹 {folder} 与当前文件夹互相包含。</translation>
    </message>
    <message>
        <source>The position scaling {scaling} in config.json has no {key} that can be used.</source>
        <translation>config.json 中的位置缩放 {scaling} 没有可用的 {key}。</translation>
    </message>
    <message>
        <source>The process that applies chat templates could not be started: {reason}.</source>
        <translation>无法启动应用聊天模板的进程：{reason}。</translation>
    </message>
    <message>
        <source>The process that tried {backend} ended with {code}. {words}</source>
        <translation>试用 {backend} 的进程以 {code} 结束。{words}</translation>
    </message>
    <message>
        <source>The prompt has more than {prompt_tokens} tokens, but the context holds {context_tokens}.</source>
        <translation>提示词超过 {prompt_tokens} 个词元，而上下文只能容纳 {context_tokens} 个。</translation>
    </message>
    <message>
        <source>The proxy on the way to {host} asks for a name and a password.</source>
        <translation>通往 {host} 的代理要求提供用户名和密码。</translation>
    </message>
    <message>
        <source>The proxy on the way to {host} lets nothing through: {reason}.</source>
        <translation>通往 {host} 的代理不予放行：{reason}。</translation>
    </message>
    <message>
        <source>The quality run of {time}</source>
        <translation>{time} 的质量测试</translation>
    </message>
    <message>
        <source>The question needs {tokens} tokens with the files that it names, and {budget} are left for it.</source>
        <translation>问题连同其指定的文件需要 {tokens} 个词元，而只剩 {budget} 个可用。</translation>
    </message>
    <message>
        <source>The reply cannot follow its grammar any further: {reason}.</source>
        <translation>回答无法继续遵循其语法：{reason}。</translation>
    </message>
    <message>
        <source>The reply cannot go on: it fills the context of {context_tokens} tokens.</source>
        <translation>回答无法继续：它已占满 {context_tokens} 个词元的上下文。</translation>
    </message>
    <message>
        <source>The reply cannot go on: what it has said so far is not as its grammar or JSON schema allows.</source>
        <translation>回答无法继续：已有的内容不符合其语法或 JSON 模式。</translation>
    </message>
    <message>
        <source>The request&apos;s headers are larger than {limit} bytes.</source>
        <translation>请求头超过 {limit} 字节。</translation>
    </message>
    <message>
        <source>The server does not answer so many at once: {said}</source>
        <translation>该服务器不能同时回答这么多：{said}</translation>
    </message>
    <message>
        <source>The server does not count the tokens of a prompt.</source>
        <translation>该服务器不统计提示词的词元数。</translation>
    </message>
    <message>
        <source>The server sends several tokens at once.</source>
        <translation>该服务器一次发送多个词元。</translation>
    </message>
    <message>
        <source>The shape of {model} is not known yet, so it is not known what fits.</source>
        <translation>尚不知道 {model} 的结构，因此无法得知多大的文件合适。</translation>
    </message>
    <message>
        <source>There is no Go on this computer.</source>
        <translation>本机没有 Go。</translation>
    </message>
    <message>
        <source>There is no NVIDIA card with a working driver, so CUDA is of no use.</source>
        <translation>没有驱动正常的 NVIDIA 显卡，因此 CUDA 没有用处。</translation>
    </message>
    <message>
        <source>There is no Rust on this computer.</source>
        <translation>本机没有 Rust。</translation>
    </message>
    <message>
        <source>There is no graphics card, so the processor&apos;s own graphics compute ({card}); they share the computer&apos;s RAM.</source>
        <translation>没有独立显卡，因此由处理器的核显（{card}）计算；它与电脑共用内存。</translation>
    </message>
    <message>
        <source>There is nothing at {path}.</source>
        <translation>{path} 处没有任何内容。</translation>
    </message>
    <message>
        <source>This Stillroom has no CUDA back end for its llama.cpp, and no release offers one.</source>
        <translation>此 Stillroom 没有与其 llama.cpp 对应的 CUDA 后端，发行版也未提供。</translation>
    </message>
    <message>
        <source>This Stillroom has no CUDA back end of its own; {card} is used through Vulkan.</source>
        <translation>此 Stillroom 没有自带 CUDA 后端；{card} 通过 Vulkan 使用。</translation>
    </message>
    <message>
        <source>This adapter is of a kind that Stillroom does not convert: its {key} is {value}.</source>
        <translation>此适配器属于 Stillroom 不转换的类型：其 {key} 为 {value}。</translation>
    </message>
    <message>
        <source>This computer&apos;s key store cannot be used ({reason}): if it holds the key, it still does.</source>
        <translation>无法使用本机的密钥库（{reason}）：如果密钥保存在其中，它仍在那里。</translation>
    </message>
    <message>
        <source>This file does not belong to Stillroom.</source>
        <translation>此文件不属于 Stillroom。</translation>
    </message>
    <message>
        <source>This is no access token.</source>
        <translation>这不是访问令牌。</translation>
    </message>
    <message>
        <source>This llama.cpp has another form of tensors, so it cannot be watched while it computes.</source>
        <translation>此 llama.cpp 的张量结构不同，因此无法在其计算时进行观察。</translation>
    </message>
    <message>
        <source>This llama.cpp was compiled for one computer and takes no CUDA at run time.</source>
        <translation>此 llama.cpp 只为一台电脑编译，运行时不能加载 CUDA。</translation>
    </message>
    <message>
        <source>This model cannot be made as small as {asked}: the smallest file takes {least}.</source>
        <translation>此模型无法做到 {asked} 这么小：最小的文件需要 {least}。</translation>
    </message>
    <message>
        <source>Too large: it needs {needed} of RAM with {replies} × {context} tokens of context. {ram} are free, {spare} of them are left to the system and other programs, so {room} can be used.</source>
        <translation>太大：{replies} 个回答 × {context} 个词元的上下文需要 {needed} 内存。空闲 {ram}，其中 {spare} 留给系统和其他程序，因此可用 {room}。</translation>
    </message>
    <message>
        <source>Too many open files</source>
        <translation>打开的文件过多</translation>
    </message>
    <message>
        <source>Try them again: what is known is how other cards compute.</source>
        <translation>请重新测试：目前只知道其他显卡的计算情况。</translation>
    </message>
    <message>
        <source>Until then it is used through Vulkan.</source>
        <translation>在此之前，它通过 Vulkan 使用。</translation>
    </message>
    <message>
        <source>Use Stillroom&apos;s bundle, or compile llama-cpp-python with CUDA.</source>
        <translation>请使用 Stillroom 的安装包，或编译带 CUDA 的 llama-cpp-python。</translation>
    </message>
    <message>
        <source>Wait for it, or stop it first.</source>
        <translation>请等待它结束，或先将其停止。</translation>
    </message>
    <message>
        <source>Wait for its end.</source>
        <translation>请等它结束。</translation>
    </message>
    <message>
        <source>Wait until it has answered, or stop a reply, and send it again.</source>
        <translation>请等它回答完，或停止一个回答，然后重新发送。</translation>
    </message>
    <message>
        <source>Wait until that build has ended, or cancel it.</source>
        <translation>请等待该构建结束，或将其取消。</translation>
    </message>
    <message>
        <source>Wait until that has ended, or stop it first.</source>
        <translation>请等它结束，或先将其停止。</translation>
    </message>
    <message>
        <source>Wait until that is done, or cancel it.</source>
        <translation>请等待测量完成，或取消测量。</translation>
    </message>
    <message>
        <source>Wait until that is done.</source>
        <translation>请等它完成。</translation>
    </message>
    <message>
        <source>What belongs to a chat</source>
        <translation>某个聊天的信息</translation>
    </message>
    <message>
        <source>What could not be saved of {file} ({count}) is made again when it is needed.</source>
        <translation>{file} 中有 {count} 个条目未能保住；需要时会重新生成。</translation>
    </message>
    <message>
        <source>What has arrived of {file} is not known any more, so it is fetched from its beginning.</source>
        <translation>{file} 已下载了多少已不可知，因此从头开始下载。</translation>
    </message>
    <message>
        <source>What the types cost is measured again when a build needs it.</source>
        <translation>当构建需要时，会重新测量各类型造成的损失。</translation>
    </message>
    <message>
        <source>What was copied already is copied again.</source>
        <translation>已复制的内容将重新复制。</translation>
    </message>
    <message>
        <source>What was learnt about loading models is learnt again.</source>
        <translation>关于加载模型的经验会重新积累。</translation>
    </message>
    <message>
        <source>With driver {oldest_driver} or newer, CUDA can be got here.</source>
        <translation>使用驱动程序 {oldest_driver} 或更新版本后，可以在这里获取 CUDA。</translation>
    </message>
    <message>
        <source>Write the grammar, or the JSON schema, so that fewer alternatives begin alike.</source>
        <translation>请改写语法或 JSON 模式，使开头相同的选项更少。</translation>
    </message>
    <message>
        <source>“stillroom cuda status” names them.</source>
        <translation>“stillroom cuda status”会列出它们。</translation>
    </message>
    <message>
        <source>“stillroom cuda” says what that takes.</source>
        <translation>“stillroom cuda”会说明需要什么。</translation>
    </message>
    <message>
        <source>a colon is missing in line {line}, column {column}</source>
        <translation>第 {line} 行第 {column} 列缺少冒号</translation>
    </message>
    <message>
        <source>This model cannot be made with {asked} bits a weight: the smallest file has {least}.</source>
        <translation>此模型无法做到每个权重 {asked} 位：最小的文件为 {least} 位。</translation>
    </message>
    <message>
        <source>Try again, once nothing changes it.</source>
        <translation>请在没有其他程序改动它之后重试。</translation>
    </message>
    <message>
        <source>What {file} holds of an unfinished benchmark run cannot be read: it begins anew.</source>
        <translation>{file} 中未完成的基准测试记录无法读取：该测试将重新开始。</translation>
    </message>
    <message>
        <source>a comma or a closing bracket is missing in line {line}, column {column}</source>
        <translation>第 {line} 行第 {column} 列缺少逗号或右括号</translation>
    </message>
    <message>
        <source>a line of the answer is too long</source>
        <translation>回答中有一行过长</translation>
    </message>
    <message>
        <source>a name in double quotes is missing in line {line}, column {column}</source>
        <translation>第 {line} 行第 {column} 列缺少双引号中的名称</translation>
    </message>
    <message>
        <source>a rule in it begins with itself</source>
        <translation>其中有一条规则以自身开头</translation>
    </message>
    <message>
        <source>a step failed</source>
        <translation>有一步计算失败</translation>
    </message>
    <message>
        <source>a value in it holds half of a character</source>
        <translation>其中有一个值含有半个字符</translation>
    </message>
    <message>
        <source>a value is missing in line {line}, column {column}</source>
        <translation>第 {line} 行第 {column} 列缺少一个值</translation>
    </message>
    <message>
        <source>damage was found before a migration</source>
        <translation>升级数据之前发现了损坏</translation>
    </message>
    <message>
        <source>it allows too much for one grammar</source>
        <translation>它允许的内容过多，无法写成一个语法</translation>
    </message>
    <message>
        <source>it did not answer in time</source>
        <translation>未在规定时间内回答</translation>
    </message>
    <message>
        <source>it has no rule &quot;root&quot;</source>
        <translation>其中没有名为“root”的规则</translation>
    </message>
    <message>
        <source>it holds a time that cannot be read</source>
        <translation>其中有无法读取的时间</translation>
    </message>
    <message>
        <source>it holds no object</source>
        <translation>其中没有 JSON 对象</translation>
    </message>
    <message>
        <source>it is a file</source>
        <translation>它是一个文件</translation>
    </message>
    <message>
        <source>it is longer than {limit} characters</source>
        <translation>它超过 {limit} 个字符</translation>
    </message>
    <message>
        <source>it is nested too deeply</source>
        <translation>它的嵌套太深</translation>
    </message>
    <message>
        <source>it is no JSON: {reason}</source>
        <translation>它不是 JSON：{reason}</translation>
    </message>
    <message>
        <source>it is no file</source>
        <translation>它不是文件</translation>
    </message>
    <message>
        <source>it is not written as JSON</source>
        <translation>它没有按 JSON 书写</translation>
    </message>
    <message>
        <source>it is not written as JSON in line {line}, column {column}</source>
        <translation>第 {line} 行第 {column} 列没有按 JSON 书写</translation>
    </message>
    <message>
        <source>it is too large</source>
        <translation>它太大了</translation>
    </message>
    <message>
        <source>it is too large to be checked</source>
        <translation>它太大，无法检查</translation>
    </message>
    <message>
        <source>it may not be written to</source>
        <translation>它不可写入</translation>
    </message>
    <message>
        <source>it names single tokens (&lt;...&gt;), which is not known here</source>
        <translation>其中使用了单个词元（&lt;...&gt;），此处不支持</translation>
    </message>
    <message>
        <source>it redirects in a circle</source>
        <translation>其重定向形成循环</translation>
    </message>
    <message>
        <source>it redirects to an address that is none of the web</source>
        <translation>它重定向到一个不是网址的地址</translation>
    </message>
    <message>
        <source>it redirects to an unencrypted address, which Stillroom does not follow</source>
        <translation>它重定向到未加密的地址，Stillroom 不会前往</translation>
    </message>
    <message>
        <source>it redirects to no address</source>
        <translation>它的重定向没有给出地址</translation>
    </message>
    <message>
        <source>it redirects without an address</source>
        <translation>它的重定向没有给出地址</translation>
    </message>
    <message>
        <source>it repeats something at most less often than at least</source>
        <translation>其中某处重复的最多次数少于最少次数</translation>
    </message>
    <message>
        <source>it sends another part of the file</source>
        <translation>它发送的是文件的另一部分</translation>
    </message>
    <message>
        <source>its address is none of the web</source>
        <translation>其地址不是网址</translation>
    </message>
    <message>
        <source>its answer cannot be unpacked</source>
        <translation>其回答无法解压</translation>
    </message>
    <message>
        <source>its answer is packed in a way that was not asked for</source>
        <translation>其回答使用了未请求的压缩方式</translation>
    </message>
    <message>
        <source>no answer</source>
        <translation>没有应答</translation>
    </message>
    <message>
        <source>no token fits the grammar here</source>
        <translation>此处没有词元符合语法</translation>
    </message>
    <message>
        <source>something follows the end of the JSON in line {line}, column {column}</source>
        <translation>第 {line} 行第 {column} 列在 JSON 结束之后还有内容</translation>
    </message>
    <message>
        <source>the answer is too long</source>
        <translation>回答过长</translation>
    </message>
    <message>
        <source>the file holds no vocabulary</source>
        <translation>文件中没有词表</translation>
    </message>
    <message>
        <source>the file is closed</source>
        <translation>文件已关闭</translation>
    </message>
    <message>
        <source>the head was changed</source>
        <translation>头文件被更改</translation>
    </message>
    <message>
        <source>the model computed no numbers</source>
        <translation>模型没有算出数字</translation>
    </message>
    <message>
        <source>the newest lines were missing</source>
        <translation>最新的若干行缺失</translation>
    </message>
    <message>
        <source>the proxy&apos;s address is none of the web</source>
        <translation>代理的地址不是网络地址</translation>
    </message>
    <message>
        <source>the text is too long to tokenise</source>
        <translation>文本太长，无法分词</translation>
    </message>
    <message>
        <source>the text that begins in line {line}, column {column} has no closing quote</source>
        <translation>从第 {line} 行第 {column} 列开始的文本缺少结束引号</translation>
    </message>
    <message>
        <source>there is a backslash before the wrong character in line {line}, column {column}</source>
        <translation>第 {line} 行第 {column} 列的反斜杠后面的字符有误</translation>
    </message>
    <message>
        <source>there is a comma too many in line {line}, column {column}</source>
        <translation>第 {line} 行第 {column} 列多了一个逗号</translation>
    </message>
    <message>
        <source>there is a line end or another control character within a text in line {line}, column {column}</source>
        <translation>第 {line} 行第 {column} 列的文本中含有换行或其他控制字符</translation>
    </message>
    <message>
        <source>there is an incomplete \u sign in line {line}, column {column}</source>
        <translation>第 {line} 行第 {column} 列有不完整的 \u 符号</translation>
    </message>
    <message>
        <source>timed out</source>
        <translation>超时</translation>
    </message>
    <message>
        <source>what it sends is no HTTP</source>
        <translation>它发送的内容不是 HTTP</translation>
    </message>
    <message>
        <source>{address} accepts the connection but does not answer.</source>
        <translation>{address} 接受了连接但没有应答。</translation>
    </message>
    <message>
        <source>{address} is no address of a package index.</source>
        <translation>{address} 不是软件包索引的地址。</translation>
    </message>
    <message>
        <source>{address} is no address of another computer.</source>
        <translation>{address} 不是另一台电脑的地址。</translation>
    </message>
    <message>
        <source>{address} is no address that can be used.</source>
        <translation>{address} 不是可用的地址。</translation>
    </message>
    <message>
        <source>{address} looks like an IPv6 address, which llama.cpp&apos;s rpc-server does not speak.</source>
        <translation>{address} 看起来是 IPv6 地址，llama.cpp 的 rpc-server 不支持。</translation>
    </message>
    <message>
        <source>{backend} cannot be used: {reason}.</source>
        <translation>无法使用 {backend}：{reason}。</translation>
    </message>
    <message>
        <source>{backend} did not finish a small computation within {minutes} minutes.</source>
        <translation>{backend} 未能在 {minutes} 分钟内完成一次小型计算。</translation>
    </message>
    <message>
        <source>{card} can be used through CUDA {cuda}: NVIDIA&apos;s libraries for it can be fetched.</source>
        <translation>{card} 可以通过 CUDA {cuda} 使用：所需的 NVIDIA 库可以下载。</translation>
    </message>
    <message>
        <source>{card} is too old for CUDA {cuda}; it is used through Vulkan.</source>
        <translation>{card} 对于 CUDA {cuda} 来说太旧；它通过 Vulkan 使用。</translation>
    </message>
    <message>
        <source>{card} is used through CUDA {cuda}, with NVIDIA&apos;s libraries.</source>
        <translation>借助 NVIDIA 的库，{card} 正通过 CUDA {cuda} 使用。</translation>
    </message>
    <message>
        <source>{card} is used through CUDA; nothing is missing.</source>
        <translation>{card} 正通过 CUDA 使用，不缺任何东西。</translation>
    </message>
    <message>
        <source>{count} lines are newer than {file} says, as after a kill; they follow in order.</source>
        <translation>有 {count} 行比 {file} 所记的更新，如同被终止之后；它们按顺序排列。</translation>
    </message>
    <message>
        <source>{device} computes wrongly: a product of {type} weights is off by {nmse}.</source>
        <translation>{device} 计算有误：{type} 权重的乘积误差为 {nmse}。</translation>
    </message>
    <message>
        <source>{device} computes wrongly: flash attention is off by {nmse}.</source>
        <translation>{device} 计算有误：Flash attention 的偏差为 {nmse}。</translation>
    </message>
    <message>
        <source>{device} did not compute a product of {type} weights.</source>
        <translation>{device} 未能计算 {type} 权重的乘积。</translation>
    </message>
    <message>
        <source>{endpoint} may be in use already, or not an address of this computer.</source>
        <translation>{endpoint} 可能已被占用，或不是本机的地址。</translation>
    </message>
    <message>
        <source>{file} and {reference} have different vocabularies, so they cannot be compared.</source>
        <translation>{file} 与 {reference} 的词表不同，无法比较。</translation>
    </message>
    <message>
        <source>{file} arrived damaged twice: its checksum is not the one that the repository names.</source>
        <translation>{file} 两次下载后都已损坏：其校验和与仓库给出的不符。</translation>
    </message>
    <message>
        <source>{file} cannot be read, so nothing can be kept for it.</source>
        <translation>无法读取 {file}，因此不能为它保存设置。</translation>
    </message>
    <message>
        <source>{file} cannot be read: {native}.</source>
        <translation>无法读取 {file}：{native}。</translation>
    </message>
    <message>
        <source>{file} cannot be read: {reason}.</source>
        <translation>无法读取 {file}：{reason}。</translation>
    </message>
    <message>
        <source>{file} has lost its newest changes ({count}): its journal was damaged.</source>
        <translation>{file} 丢失了最新的 {count} 次更改：它的日志文件已损坏。</translation>
    </message>
    <message>
        <source>{file} holds a CUDA back end for another llama.cpp than this Stillroom has ({version}).</source>
        <translation>{file} 中的 CUDA 后端所对应的 llama.cpp 与此 Stillroom 的版本（{version}）不同。</translation>
    </message>
    <message>
        <source>{file} holds entries that this Stillroom cannot read. They are not shown, and stay there.</source>
        <translation>{file} 中有此 Stillroom 无法读取的条目。它们不会显示，但仍保留在文件中。</translation>
    </message>
    <message>
        <source>{file} is a link to another place, so it cannot be moved.</source>
        <translation>{file} 是指向别处的链接，因此无法移动。</translation>
    </message>
    <message>
        <source>{file} is a model of the architecture “{architecture}”, which this llama.cpp does not know.</source>
        <translation>{file} 是“{architecture}”架构的模型，这个 llama.cpp 不认识这种架构。</translation>
    </message>
    <message>
        <source>{file} is damaged, or another one than Stillroom was tried with: its checksum differs.</source>
        <translation>{file} 已损坏，或与 Stillroom 试用过的不是同一个文件：校验和不同。</translation>
    </message>
    <message>
        <source>{file} is in use.</source>
        <translation>{file} 正在使用中。</translation>
    </message>
    <message>
        <source>{file} is missing or damaged; it names the newest line.</source>
        <translation>{file} 缺失或损坏；它指明最新的一行。</translation>
    </message>
    <message>
        <source>{file} is no GGUF file.</source>
        <translation>{file} 不是 GGUF 文件。</translation>
    </message>
    <message>
        <source>{file} is no language model, but of the kind {kind}.</source>
        <translation>{file} 不是语言模型，而是 {kind} 类型。</translation>
    </message>
    <message>
        <source>{file} is none of the files that are needed: {names}.</source>
        <translation>{file} 不是所需的文件之一：{names}。</translation>
    </message>
    <message>
        <source>{file} is not the same after copying it twice.</source>
        <translation>{file} 复制两次后仍不一致。</translation>
    </message>
    <message>
        <source>{file} is not what Stillroom expects: {native}.</source>
        <translation>{file} 与 Stillroom 预期的不符：{native}。</translation>
    </message>
    <message>
        <source>{file} is one part of a model in several files, which Stillroom does not load.</source>
        <translation>{file} 是多文件模型的一部分，Stillroom 不加载它。</translation>
    </message>
    <message>
        <source>{file} is one part of a split GGUF, which Stillroom does not join.</source>
        <translation>{file} 是拆分 GGUF 的一部分，Stillroom 不会合并。</translation>
    </message>
    <message>
        <source>{file} is quantised, so what other types would cost cannot be measured with it.</source>
        <translation>{file} 已经量化，因此无法用它测量其他类型会造成的损失。</translation>
    </message>
    <message>
        <source>{file} of {repo} has changed on the server since the download began.</source>
        <translation>下载开始后，服务器上 {repo} 的 {file} 已更改。</translation>
    </message>
    <message>
        <source>{file} was changed.</source>
        <translation>{file} 被更改。</translation>
    </message>
    <message>
        <source>{file} was damaged and there is no backup: it begins anew. The damaged file is kept as {aside}.</source>
        <translation>{file} 已损坏，且没有备份：将从空白重新开始。损坏的文件保留为 {aside}。</translation>
    </message>
    <message>
        <source>{file} was damaged. All of it was put right, and nothing is lost; the damaged file is kept as {aside}.</source>
        <translation>{file} 曾损坏。已全部修复，没有任何丢失；损坏的文件保留为 {aside}。</translation>
    </message>
    <message>
        <source>{file} was damaged. All of it was put right: the backup of {time} had what was damaged exactly as it was written. The damaged file is kept as {aside}.</source>
        <translation>{file} 曾损坏。已全部修复：{time} 的备份中有受损内容写入时的原样。损坏的文件保留为 {aside}。</translation>
    </message>
    <message>
        <source>{file} was damaged. The backup of {time} is in its place, and what came after it is missing; the damaged file is kept as {aside}.</source>
        <translation>{file} 已损坏。现已换上 {time} 的备份，此后的内容缺失；损坏的文件保留为 {aside}。</translation>
    </message>
    <message>
        <source>{file} was damaged. What could be read of it is kept; the damaged file is {aside}.</source>
        <translation>{file} 曾损坏。能读出的内容已保留；损坏的文件是 {aside}。</translation>
    </message>
    <message>
        <source>{file} was gone, and there is no backup: it begins anew.</source>
        <translation>{file} 不见了，且没有备份：将从空白重新开始。</translation>
    </message>
    <message>
        <source>{file} was gone. The backup of {time} is in its place; what came after it is missing.</source>
        <translation>{file} 不见了。现已换上 {time} 的备份；此后的内容缺失。</translation>
    </message>
    <message>
        <source>{file}:{line} is unfinished ({bytes} bytes), as a kill in the middle of writing leaves it; the next line will say so.</source>
        <translation>{file}:{line} 未写完（{bytes} 字节），这是写入途中被终止所留下的；下一行会说明。</translation>
    </message>
    <message>
        <source>{file}:{line}: it has {bytes} bytes, more than any line of Stillroom&apos;s, and is not read.</source>
        <translation>{file}:{line}：它有 {bytes} 字节，超过 Stillroom 写入的任何一行，因此不会读取。</translation>
    </message>
    <message>
        <source>{file}:{line}: it cannot be read.</source>
        <translation>{file}:{line}：无法读取。</translation>
    </message>
    <message>
        <source>{file}:{line}: line {n} stands behind line {before}.</source>
        <translation>{file}:{line}：第 {n} 行位于第 {before} 行之后。</translation>
    </message>
    <message>
        <source>{file}:{line}: line {n}, or what line {next} says of it, was changed.</source>
        <translation>{file}:{line}：第 {n} 行，或第 {next} 行中关于它的记录，被更改。</translation>
    </message>
    <message>
        <source>{file}:{line}: line {n}, the first, was changed.</source>
        <translation>{file}:{line}：第一行，即第 {n} 行，被更改。</translation>
    </message>
    <message>
        <source>{file}:{line}: lines {n} to {last} before it are missing.</source>
        <translation>{file}:{line}：其前的第 {n} 至 {last} 行缺失。</translation>
    </message>
    <message>
        <source>{file}:{line}: the log was damaged before line {n} ({said}).</source>
        <translation>{file}:{line}：第 {n} 行之前日志已损坏（{said}）。</translation>
    </message>
    <message>
        <source>{folder} cannot be read: {reason}.</source>
        <translation>无法读取 {folder}：{reason}。</translation>
    </message>
    <message>
        <source>{folder} holds original weights, which must be built before they can run.</source>
        <translation>{folder} 含有原始权重，必须先构建才能运行。</translation>
    </message>
    <message>
        <source>{host} answers, but not as a model hub does.</source>
        <translation>{host} 有响应，但不是模型库服务。</translation>
    </message>
    <message>
        <source>{host} answers, but not as a package index does.</source>
        <translation>{host} 有应答，但不像软件包索引。</translation>
    </message>
    <message>
        <source>{host} cannot be reached.</source>
        <translation>无法连接 {host}。</translation>
    </message>
    <message>
        <source>{host} does not accept the access token.</source>
        <translation>{host} 不接受此访问令牌。</translation>
    </message>
    <message>
        <source>{host} does not have {file}.</source>
        <translation>{host} 没有 {file}。</translation>
    </message>
    <message>
        <source>{host} does not have {package} (HTTP {status}).</source>
        <translation>{host} 没有 {package}（HTTP {status}）。</translation>
    </message>
    <message>
        <source>{host} does not send what was asked for: {reason}.</source>
        <translation>{host} 没有发送所请求的内容：{reason}。</translation>
    </message>
    <message>
        <source>{host} has another {file} than the one that Stillroom was tried with.</source>
        <translation>{host} 上的 {file} 与 Stillroom 试用过的不是同一个文件。</translation>
    </message>
    <message>
        <source>{host} has disabled {repo}.</source>
        <translation>{host} 已禁用 {repo}。</translation>
    </message>
    <message>
        <source>{host} has no model {name}.</source>
        <translation>{host} 没有模型 {name}。</translation>
    </message>
    <message>
        <source>{host} has no model {repo}, or it is private.</source>
        <translation>{host} 上没有模型 {repo}，或它是私有的。</translation>
    </message>
    <message>
        <source>{host} is too busy to answer.</source>
        <translation>{host} 太忙，无法响应。</translation>
    </message>
    <message>
        <source>{host} redirects in a circle.</source>
        <translation>{host} 循环重定向。</translation>
    </message>
    <message>
        <source>{host} refuses to send {file} (HTTP {status}).</source>
        <translation>{host} 拒绝发送 {file}（HTTP {status}）。</translation>
    </message>
    <message>
        <source>{host} refuses to tell about {repo} (HTTP {status}).</source>
        <translation>{host} 拒绝提供 {repo} 的信息（HTTP {status}）。</translation>
    </message>
    <message>
        <source>{model} is in full precision, so quantising has cost it nothing.</source>
        <translation>{model} 为全精度，因此没有量化代价。</translation>
    </message>
    <message>
        <source>{name} cannot guess ahead for this model: their vocabularies differ. Choose a small model of the same family.</source>
        <translation>{name} 无法为此模型预测：二者词表不同。请选择同系列的小模型。</translation>
    </message>
    <message>
        <source>{name} could not be read: {reason}.</source>
        <translation>无法读取 {name}：{reason}。</translation>
    </message>
    <message>
        <source>{name} could not be saved: {reason}.</source>
        <translation>无法保存 {name}：{reason}。</translation>
    </message>
    <message>
        <source>{name} has a line of {characters} characters; at most {most} can be shown here.</source>
        <translation>{name} 有一行长达 {characters} 个字符；这里最多能显示 {most} 个。</translation>
    </message>
    <message>
        <source>{name} has not been measured on this computer yet.</source>
        <translation>尚未在本机上测量过 {name}。</translation>
    </message>
    <message>
        <source>{name} holds no chats.</source>
        <translation>{name} 中没有聊天。</translation>
    </message>
    <message>
        <source>{name} is a binary file.</source>
        <translation>{name} 是二进制文件。</translation>
    </message>
    <message>
        <source>{name} is a link that leads out of the folder.</source>
        <translation>{name} 是指向文件夹之外的链接。</translation>
    </message>
    <message>
        <source>{name} is an empty file.</source>
        <translation>{name} 是空文件。</translation>
    </message>
    <message>
        <source>{name} is being built already.</source>
        <translation>{name} 正在构建。</translation>
    </message>
    <message>
        <source>{name} is not UTF-8 text (byte {byte}).</source>
        <translation>{name} 不是 UTF-8 文本（字节 {byte}）。</translation>
    </message>
    <message>
        <source>{name} is not an export that Stillroom knows: {reason}.</source>
        <translation>{name} 不是 Stillroom 认识的导出文件：{reason}。</translation>
    </message>
    <message>
        <source>{name} is not on this computer yet.</source>
        <translation>{name} 还不在本机。</translation>
    </message>
    <message>
        <source>{name} is {value}, but must be from {low} to {high}.</source>
        <translation>{name} 为 {value}，必须在 {low} 到 {high} 之间。</translation>
    </message>
    <message>
        <source>{name} makes vectors of texts; it cannot write.</source>
        <translation>{name} 只把文本变成向量，不能写作。</translation>
    </message>
    <message>
        <source>{name} was changed by another program since it was opened here.</source>
        <translation>{name} 在此打开后已被其他程序更改。</translation>
    </message>
    <message>
        <source>{name} was not taught to fill in the middle, so it knows no suffix.</source>
        <translation>{name} 没有学过填补中间内容，因此不支持 suffix。</translation>
    </message>
    <message>
        <source>{name} {type} is not in the store any more.</source>
        <translation>{name} {type} 已不在本机的模型中。</translation>
    </message>
    <message>
        <source>{name} {type} is there again already.</source>
        <translation>{name} {type} 已经重新存在。</translation>
    </message>
    <message>
        <source>{path} cannot be written or read: {reason}.</source>
        <translation>无法读写 {path}：{reason}。</translation>
    </message>
    <message>
        <source>{path} exists already and is another file.</source>
        <translation>{path} 已存在，且是另一个文件。</translation>
    </message>
    <message>
        <source>{path} is a link to a folder that is not there.</source>
        <translation>{path} 是指向一个不存在的文件夹的链接。</translation>
    </message>
    <message>
        <source>{path} is no folder but a file, a pipe or a device, and could not be renamed: {reason}.</source>
        <translation>{path} 不是文件夹，而是文件、管道或设备，并且无法重命名：{reason}。</translation>
    </message>
    <message>
        <source>{path} is no folder but a file, a pipe or a device. It is kept as {aside}.</source>
        <translation>{path} 不是文件夹，而是文件、管道或设备。它保留为 {aside}。</translation>
    </message>
    <message>
        <source>{path} is no file but a folder, a pipe, a device or a link to none. It is kept as {aside}.</source>
        <translation>{path} 不是文件，而是文件夹、管道、设备或失效的链接。它保留为 {aside}。</translation>
    </message>
    <message>
        <source>{percent}% faster.</source>
        <translation>快 {percent}%。</translation>
    </message>
    <message>
        <source>{percent}% faster: no more than noise.</source>
        <translation>快 {percent}%：在波动范围之内。</translation>
    </message>
    <message>
        <source>{percent}% faster: too little for its cost.</source>
        <translation>快 {percent}%：收益太小，不值得其代价。</translation>
    </message>
    <message>
        <source>{percent}% slower.</source>
        <translation>慢 {percent}%。</translation>
    </message>
    <message>
        <source>{place} allows no number</source>
        <translation>{place} 不允许任何数字</translation>
    </message>
    <message>
        <source>{place} has a limit that is no whole number</source>
        <translation>{place} 的限制不是整数</translation>
    </message>
    <message>
        <source>{place} has a limit that is not from 0 to {most}</source>
        <translation>{place} 的限制不在 0 到 {most} 之间</translation>
    </message>
    <message>
        <source>{place} has a type that is no name</source>
        <translation>{place} 的类型不是名称</translation>
    </message>
    <message>
        <source>{place} has limits that nothing meets</source>
        <translation>{place} 的限制没有任何值能满足</translation>
    </message>
    <message>
        <source>{place} has properties that are none</source>
        <translation>{place} 的属性不是有效的属性</translation>
    </message>
    <message>
        <source>{place} has the unknown format {format}</source>
        <translation>{place} 使用了未知的格式 {format}</translation>
    </message>
    <message>
        <source>{place} has the unknown type {type}</source>
        <translation>{place} 使用了未知的类型 {type}</translation>
    </message>
    <message>
        <source>{place} has {count} characters, which is not allowed</source>
        <translation>{place} 有 {count} 个字符，不符合要求</translation>
    </message>
    <message>
        <source>{place} has {count} items, which is not allowed</source>
        <translation>{place} 有 {count} 项，不符合要求</translation>
    </message>
    <message>
        <source>{place} is no list</source>
        <translation>{place} 不是列表</translation>
    </message>
    <message>
        <source>{place} is no schema</source>
        <translation>{place} 不是模式</translation>
    </message>
    <message>
        <source>{place} is no {format}</source>
        <translation>{place} 不是 {format}</translation>
    </message>
    <message>
        <source>{place} is none of the allowed kinds</source>
        <translation>{place} 不属于任何允许的种类</translation>
    </message>
    <message>
        <source>{place} is none of the allowed values</source>
        <translation>{place} 不是允许的值</translation>
    </message>
    <message>
        <source>{place} is out of range</source>
        <translation>{place} 超出范围</translation>
    </message>
    <message>
        <source>{place} joins what is not only objects</source>
        <translation>{place} 合并的不全是对象</translation>
    </message>
    <message>
        <source>{place} lacks {name}</source>
        <translation>{place} 缺少 {name}</translation>
    </message>
    <message>
        <source>{place} limits a number that is not whole, other than by 0</source>
        <translation>{place} 对非整数设置了 0 以外的限制</translation>
    </message>
    <message>
        <source>{place} mixes prefixItems with other items</source>
        <translation>{place} 混用了 prefixItems 和其他 items</translation>
    </message>
    <message>
        <source>{place} must be {value}</source>
        <translation>{place} 必须是 {value}</translation>
    </message>
    <message>
        <source>{place} must not be there</source>
        <translation>不应有 {place}</translation>
    </message>
    <message>
        <source>{place} refers to another document</source>
        <translation>{place} 引用了其他文档</translation>
    </message>
    <message>
        <source>{place} refers to itself without end</source>
        <translation>{place} 无限地引用自身</translation>
    </message>
    <message>
        <source>{place} refers to {name}, which is not there</source>
        <translation>{place} 引用了不存在的 {name}</translation>
    </message>
    <message>
        <source>{place} requires {name}, which it does not declare</source>
        <translation>{place} 要求有 {name}，却没有声明它</translation>
    </message>
    <message>
        <source>{place} uses {keyword}, which a reply cannot be bound to</source>
        <translation>{place} 使用了 {keyword}，回答无法受其约束</translation>
    </message>
    <message>
        <source>{repo} asks you to accept its terms before it can be downloaded.</source>
        <translation>{repo} 要求先接受其条款才能下载。</translation>
    </message>
    <message>
        <source>{repo} has finished GGUF files only, so there is nothing to build and to measure.</source>
        <translation>{repo} 只有成品 GGUF 文件，因此无需构建或测量。</translation>
    </message>
    <message>
        <source>{repo} has no config.json, so its weights cannot be understood.</source>
        <translation>{repo} 没有 config.json，无法识别其权重。</translation>
    </message>
    <message>
        <source>{repo} has no revision {revision}.</source>
        <translation>{repo} 没有版本 {revision}。</translation>
    </message>
    <message>
        <source>{repo} holds a file with an unsafe name, so nothing of it is downloaded.</source>
        <translation>{repo} 含有名称不安全的文件，因此不会下载其中任何内容。</translation>
    </message>
    <message>
        <source>{repo} holds no GGUF file for {wanted}.</source>
        <translation>{repo} 不含 {wanted} 的 GGUF 文件。</translation>
    </message>
    <message>
        <source>{repo} holds no GGUF file.</source>
        <translation>{repo} 不含 GGUF 文件。</translation>
    </message>
    <message>
        <source>{repo} holds no model weights that Stillroom can read.</source>
        <translation>{repo} 不含 Stillroom 能读取的模型权重。</translation>
    </message>
    <message>
        <source>{repo} holds two files of the same name, so nothing of it is downloaded.</source>
        <translation>{repo} 中有两个同名文件，因此不会下载其中的任何内容。</translation>
    </message>
    <message>
        <source>{repo} holds {count} GGUF files, and which one is meant is open.</source>
        <translation>{repo} 含有 {count} 个 GGUF 文件，无法确定指的是哪一个。</translation>
    </message>
    <message>
        <source>{repo} is empty.</source>
        <translation>{repo} 是空的。</translation>
    </message>
    <message>
        <source>{repo} is no Hugging Face id.</source>
        <translation>{repo} 不是 Hugging Face ID。</translation>
    </message>
    <message>
        <source>{repo} offers its weights only as pickles, which can run code, so Stillroom does not read them.</source>
        <translation>{repo} 只以 pickle 提供权重，而 pickle 可能运行代码，因此 Stillroom 不会读取。</translation>
    </message>
</context>
<context>
    <name>filters</name>
    <message>
        <source>Block</source>
        <translation>阻止</translation>
    </message>
    <message>
        <source>Redact</source>
        <translation>剔除</translation>
    </message>
    <message>
        <source>Flag</source>
        <translation>标记</translation>
    </message>
    <message>
        <source>Block: the message is not sent</source>
        <translation>阻止：不发送消息</translation>
    </message>
    <message>
        <source>Redact: it is sent without what was found</source>
        <translation>剔除：去掉发现的内容后发送</translation>
    </message>
    <message>
        <source>Flag: it is sent, and you are told</source>
        <translation>标记：照常发送并告诉你</translation>
    </message>
    <message>
        <source>A regular expression</source>
        <translation>正则表达式</translation>
    </message>
    <message>
        <source>More than a number of characters</source>
        <translation>超过一定数量的字符</translation>
    </message>
    <message>
        <source>Invisible and control characters</source>
        <translation>不可见字符和控制字符</translation>
    </message>
</context>
<context>
    <name>fit</name>
    <message>
        <source>Fits on the GPU</source>
        <translation>可放入 GPU</translation>
    </message>
    <message>
        <source>{gpu_layers} of {layers} layers on GPU</source>
        <translation>{layers} 层中 {gpu_layers} 层在 GPU</translation>
    </message>
    <message>
        <source>Runs on the processor</source>
        <translation>在处理器上运行</translation>
    </message>
    <message>
        <source>Too large: {needed}, room for {room}</source>
        <translation>太大：需要 {needed}，可用 {room}</translation>
    </message>
    <message>
        <source>{memory} · {verdict}</source>
        <translation>{memory} · {verdict}</translation>
    </message>
    <message>
        <source>{rate} tok/s · {memory} · {verdict}</source>
        <translation>{rate} 词元/秒 · {memory} · {verdict}</translation>
    </message>
    <message>
        <source>Clearly worse: more than +{percent}%</source>
        <translation>明显更差：超过 +{percent}%</translation>
    </message>
    <message>
        <source>about +{percent}%</source>
        <translation>约 +{percent}%</translation>
    </message>
    <message>
        <source>As good as the original ({growth})</source>
        <translation>与原始模型一样好（{growth}）</translation>
    </message>
    <message>
        <source>Hardly to be told from the original ({growth})</source>
        <translation>几乎与原始模型无异（{growth}）</translation>
    </message>
    <message>
        <source>A little worse ({growth})</source>
        <translation>略差一些（{growth}）</translation>
    </message>
    <message>
        <source>Noticeably worse ({growth})</source>
        <translation>明显较差（{growth}）</translation>
    </message>
    <message>
        <source>By how much more a text surprises the smaller model than the original (growth of the perplexity), as llama.cpp&apos;s authors measured it with Llama 3 8B. Small models lose more. What a file of yours lost can be measured below.</source>
        <translation>同一文本让小模型比原始模型更意外的程度（困惑度的增长），由 llama.cpp 的作者用 Llama 3 8B 测得。小型模型损失更多。你的文件损失了多少，可以在下面测量。</translation>
    </message>
    <message>
        <source>About {needed} on the GPU</source>
        <translation>约 {needed}，在 GPU 上</translation>
    </message>
    <message>
        <source>About {needed}, partly on the GPU</source>
        <translation>约 {needed}，部分在 GPU 上</translation>
    </message>
    <message>
        <source>About {needed} of RAM</source>
        <translation>约 {needed} 内存</translation>
    </message>
    <message>
        <source>Too large: about {needed}</source>
        <translation>太大：约 {needed}</translation>
    </message>
    <message>
        <source>{verdict} · up to {rate} tok/s</source>
        <translation>{verdict} · 最多 {rate} 词元/秒</translation>
    </message>
    <message>
        <source>about {rate}</source>
        <translation>约 {rate}</translation>
    </message>
    <message>
        <source>provisionally {rate}</source>
        <translation>暂定 {rate}</translation>
    </message>
    <message>
        <source>up to {rate}</source>
        <translation>最多 {rate}</translation>
    </message>
    <message>
        <source>Measured with this file: the fastest reply so far.</source>
        <translation>用此文件测得：迄今最快的回答。</translation>
    </message>
    <message>
        <source>From how fast replies of another model read its weights on this PC.</source>
        <translation>根据其他模型在本机上回答时读取权重的速度。</translation>
    </message>
    <message>
        <source>From how fast this PC was measured to compute with weights; a long chat makes it slower.</source>
        <translation>依据本机实测的权重计算速度；聊天变长后会更慢。</translation>
    </message>
    <message>
        <source>Provisional: other programs kept this PC busy while the speed of its memory was measured. It is measured again by itself.</source>
        <translation>暂定：测量内存速度时其他程序正占用本机，稍后会自动重新测量。</translation>
    </message>
    <message>
        <source>It does not fit into memory.</source>
        <translation>放不进内存。</translation>
    </message>
    <message>
        <source>Not known yet: how fast this PC computes with weights is measured a moment after the start.</source>
        <translation>尚不知道：启动后不久会测量本机用权重计算的速度。</translation>
    </message>
    <message>
        <source>Not known until a first reply has run on this graphics card.</source>
        <translation>在此显卡上运行首个回答之前无法得知。</translation>
    </message>
</context>
<context>
    <name>left_out</name>
    <message>
        <source>The model will not see this message.</source>
        <translation>模型将看不到此消息。</translation>
    </message>
</context>
<context>
    <name>licences</name>
    <message>
        <source>Apache-2.0</source>
        <translation>Apache-2.0</translation>
    </message>
    <message>
        <source>MIT, from Llama 3.1 under its community licence</source>
        <translation>MIT，基于采用社区许可证的 Llama 3.1</translation>
    </message>
    <message>
        <source>MIT, from Llama 3.3 under its community licence</source>
        <translation>MIT，基于采用社区许可证的 Llama 3.3</translation>
    </message>
    <message>
        <source>MIT, from Qwen2.5 under Apache-2.0</source>
        <translation>MIT，基于采用 Apache-2.0 的 Qwen2.5</translation>
    </message>
    <message>
        <source>MIT, from Qwen3 under Apache-2.0</source>
        <translation>MIT，基于采用 Apache-2.0 的 Qwen3</translation>
    </message>
</context>
<context>
    <name>load settings</name>
    <message>
        <source>automatic</source>
        <translation>自动</translation>
    </message>
    <message>
        <source>on</source>
        <translation>开启</translation>
    </message>
    <message>
        <source>off</source>
        <translation>关闭</translation>
    </message>
</context>
<context>
    <name>sentences</name>
    <message>
        <source>{before} {next}</source>
        <translation>{before}{next}</translation>
    </message>
    <message>
        <source>; </source>
        <translation>；</translation>
    </message>
    <message>
        <source>, </source>
        <translation>、</translation>
    </message>
</context>
<context>
    <name>shipped rules</name>
    <message>
        <source>A quoted value given to something called password, token, secret or key. It also finds examples and placeholders, so it only flags.</source>
        <translation>赋给名为 password、token、secret 或 key 之物的带引号的值。它也会发现示例和占位内容，因此只作标记。</translation>
    </message>
    <message>
        <source>API keys of Google. Not the credentials of service accounts; those hold a private key.</source>
        <translation>Google 的 API 密钥。不包括服务账号的凭据，后者含有私钥。</translation>
    </message>
    <message>
        <source>AWS access key</source>
        <translation>AWS 访问密钥</translation>
    </message>
    <message>
        <source>Addresses with a name and a password before the @, such as of databases.</source>
        <translation>在 @ 之前含有用户名和密码的地址，例如数据库的地址。</translation>
    </message>
    <message>
        <source>Asks for the system prompt</source>
        <translation>索要系统提示词</translation>
    </message>
    <message>
        <source>Asks to ignore instructions</source>
        <translation>要求忽略指令</translation>
    </message>
    <message>
        <source>Card number</source>
        <translation>卡号</translation>
    </message>
    <message>
        <source>Control words of chat templates in a text. Stillroom never lets a text act as one of them; a server elsewhere may.</source>
        <translation>文字中的聊天模板控制词。Stillroom 绝不会让文字起到控制词的作用；其他地方的服务器则可能会。</translation>
    </message>
    <message>
        <source>Counts characters, without attached documents&apos; formatting.</source>
        <translation>统计字符数，不含所附文档的格式。</translation>
    </message>
    <message>
        <source>Digits in the form of a payment card. The check digit is not tested, so other long numbers are found too.</source>
        <translation>形如支付卡号的数字。不检验校验位，因此也会发现其他长数字。</translation>
    </message>
    <message>
        <source>GitHub token</source>
        <translation>GitHub 令牌</translation>
    </message>
    <message>
        <source>GitLab token</source>
        <translation>GitLab 令牌</translation>
    </message>
    <message>
        <source>Google API key</source>
        <translation>Google API 密钥</translation>
    </message>
    <message>
        <source>Ids of AWS keys. The secret beside it has no shape of its own; the rule “Secret in an assignment” may find it.</source>
        <translation>AWS 密钥的 ID。旁边的机密没有固定形式，规则“赋值中的机密”可能会发现它。</translation>
    </message>
    <message>
        <source>Invisible characters</source>
        <translation>不可见字符</translation>
    </message>
    <message>
        <source>JSON Web Token</source>
        <translation>JSON Web Token</translation>
    </message>
    <message>
        <source>Keys of Stripe and the services that copied its form.</source>
        <translation>Stripe 以及沿用其形式的服务的密钥。</translation>
    </message>
    <message>
        <source>Keys of services for models (OpenAI, Anthropic, DeepSeek, OpenRouter, Hugging Face, Groq, Replicate).</source>
        <translation>模型服务的密钥（OpenAI、Anthropic、DeepSeek、OpenRouter、Hugging Face、Groq、Replicate）。</translation>
    </message>
    <message>
        <source>Model service key</source>
        <translation>模型服务密钥</translation>
    </message>
    <message>
        <source>Package registry token</source>
        <translation>软件包仓库令牌</translation>
    </message>
    <message>
        <source>Password in an address</source>
        <translation>地址中的密码</translation>
    </message>
    <message>
        <source>Payment service key</source>
        <translation>支付服务密钥</translation>
    </message>
    <message>
        <source>Pretends to be a turn of the chat</source>
        <translation>冒充聊天中的一轮</translation>
    </message>
    <message>
        <source>Private key</source>
        <translation>私钥</translation>
    </message>
    <message>
        <source>Private keys in PEM form (RSA, EC, OpenSSH, PGP), also cut off ones. Not keys in other forms.</source>
        <translation>PEM 格式的私钥（RSA、EC、OpenSSH、PGP），也包括不完整的。不包括其他形式的密钥。</translation>
    </message>
    <message>
        <source>Questions after the hidden instructions. Plain talk about system prompts is found too.</source>
        <translation>询问隐藏指令的问题。普通地谈论系统提示词也会被发现。</translation>
    </message>
    <message>
        <source>Secret in an assignment</source>
        <translation>赋值中的机密</translation>
    </message>
    <message>
        <source>Signed tokens as browsers and services pass them.</source>
        <translation>浏览器和服务之间传递的签名令牌。</translation>
    </message>
    <message>
        <source>Slack token</source>
        <translation>Slack 令牌</translation>
    </message>
    <message>
        <source>Takes out control, direction and invisible characters, which can hide text from you that the model reads. The joiners in emoji and in Persian stay.</source>
        <translation>剔除控制字符、方向字符和不可见字符，它们可能对你隐藏模型会读到的文字。表情符号和波斯文中的连接符会保留。</translation>
    </message>
    <message>
        <source>The best-known phrase of prompt injection, in English and Chinese. Anyone can say the same in other words: this finds the careless, not the careful.</source>
        <translation>最知名的提示词注入语句，包括英文和中文。任何人都可以换一种说法：它只能发现粗心的人，发现不了谨慎的人。</translation>
    </message>
    <message>
        <source>Tokens and webhook addresses of Slack.</source>
        <translation>Slack 的令牌和 webhook 地址。</translation>
    </message>
    <message>
        <source>Tokens for publishing to npm, the Python package index and Docker&apos;s registry.</source>
        <translation>向 npm、Python 软件包索引和 Docker 仓库发布所用的令牌。</translation>
    </message>
    <message>
        <source>Tokens of GitHub, classic and fine-grained.</source>
        <translation>GitHub 的令牌，包括经典型和细粒度型。</translation>
    </message>
    <message>
        <source>Tokens of GitLab with their usual prefixes; an administrator can change them.</source>
        <translation>带有常用前缀的 GitLab 令牌；管理员可以更改前缀。</translation>
    </message>
    <message>
        <source>Very long message</source>
        <translation>过长的消息</translation>
    </message>
</context>
<context>
    <name>tuning</name>
    <message>
        <source>Loading</source>
        <translation>加载中</translation>
    </message>
    <message>
        <source>The defaults</source>
        <translation>默认设置</translation>
    </message>
    <message>
        <source>The defaults against the choice</source>
        <translation>默认设置与所选设置的比较</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>线程数</translation>
    </message>
    <message>
        <source>Threads for prompts</source>
        <translation>处理提示词的线程数</translation>
    </message>
    <message>
        <source>Batch</source>
        <translation>批大小</translation>
    </message>
    <message>
        <source>Flash attention</source>
        <translation>Flash attention</translation>
    </message>
    <message>
        <source>Cache type</source>
        <translation>缓存类型</translation>
    </message>
    <message>
        <source>GPU layers</source>
        <translation>GPU 层数</translation>
    </message>
</context>
</TS>
