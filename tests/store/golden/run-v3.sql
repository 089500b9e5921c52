-- A run of schema version 3, for ever as it is.
PRAGMA application_id = 1195724865;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE events (id INTEGER PRIMARY KEY, at REAL NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL);
INSERT INTO "events" VALUES(1,1.0,'RunStarted','{"type":"RunStarted","seed":{"planner":"Plan.","writer":"Write {answer}."},"feedback_set":["a","b"],"pareto_set":["c","d"],"test_set":["e"],"judged_by":"mean"}');
INSERT INTO "events" VALUES(2,1.0,'RolloutFinished','{"type":"RolloutFinished","iteration":0,"texts":"t0","example":"c","subset":"pareto","score":0.0,"usage":{"input_tokens":7,"output_tokens":3,"dollars":null,"estimated":0},"seconds":1.5,"ledger":"r0","error":"no answer","reused":false}');
INSERT INTO "events" VALUES(3,1.0,'CandidateAdmitted','{"type":"CandidateAdmitted","iteration":0,"candidate":{"id":0,"texts":{"planner":"Plan.","writer":"Write {answer}."},"parents":[],"ancestor":null},"before":[],"after":[]}');
INSERT INTO "events" VALUES(4,1.0,'IterationFinished','{"type":"IterationFinished","iteration":0,"outcome":"accepted","reason":"","before":[],"after":[]}');
INSERT INTO "events" VALUES(5,1.0,'IterationStarted','{"type":"IterationStarted","iteration":1,"parents":[0],"minibatch":["a","b","a"],"ancestor":null,"texts":null,"lineage":"single"}');
INSERT INTO "events" VALUES(6,1.0,'ModulesChosen','{"type":"ModulesChosen","iteration":1,"parent":0,"modules":["planner"],"records":[]}');
INSERT INTO "events" VALUES(7,1.0,'RolloutFinished','{"type":"RolloutFinished","iteration":1,"texts":"t0","example":"a","subset":"feedback","score":0.25,"usage":{"input_tokens":7,"output_tokens":3,"dollars":0.001,"estimated":0},"seconds":1.5,"ledger":"r1","error":null,"reused":false}');
INSERT INTO "events" VALUES(8,1.0,'ReflectionFinished','{"type":"ReflectionFinished","iteration":1,"module":"planner","usage":{"input_tokens":700,"output_tokens":300,"dollars":0.1,"estimated":0},"seconds":9.0,"ledger":"m1"}');
INSERT INTO "events" VALUES(9,1.0,'CandidateAdmitted','{"type":"CandidateAdmitted","iteration":1,"candidate":{"id":1,"texts":{"planner":"Plan \u2013 twice.\u0000","writer":"\ud800"},"parents":[0],"ancestor":null},"before":[],"after":[]}');
INSERT INTO "events" VALUES(10,1.0,'IterationFinished','{"type":"IterationFinished","iteration":1,"outcome":"accepted","reason":"","before":[0.25,0.5],"after":[0.5,0.5]}');
INSERT INTO "events" VALUES(11,1.0,'IterationStarted','{"type":"IterationStarted","iteration":2,"parents":[1,0],"minibatch":["c"],"ancestor":0,"texts":{"planner":"Plan.","writer":"\ud800"},"lineage":"single"}');
INSERT INTO "events" VALUES(12,1.0,'IterationFinished','{"type":"IterationFinished","iteration":2,"outcome":"rejected","reason":"no better","before":[0.5],"after":[0.25]}');
INSERT INTO "events" VALUES(13,1.0,'RunFinished','{"type":"RunFinished","reason":"30 rollouts spent","ended":null}');
INSERT INTO "events" VALUES(14,1.0,'Charged','{"type":"Charged","ledger":"r2","usage":{"input_tokens":70,"output_tokens":30,"dollars":null,"estimated":0},"reason":"the process died under it"}');
INSERT INTO "events" VALUES(15,1.0,'IterationStarted','{"type":"IterationStarted","iteration":3,"parents":[1],"minibatch":[],"ancestor":null,"texts":null,"lineage":"joint"}');
INSERT INTO "events" VALUES(16,1.0,'ExamplesDrawn','{"type":"ExamplesDrawn","iteration":3,"texts":"t1","subset":"feedback","examples":["b"]}');
INSERT INTO "events" VALUES(17,1.0,'RolloutFinished','{"type":"RolloutFinished","iteration":3,"texts":"t1","example":"b","subset":"feedback","score":0.5,"usage":{"input_tokens":0,"output_tokens":0,"dollars":0.0,"estimated":0},"seconds":0.0,"ledger":"r3","error":null,"reused":true}');
INSERT INTO "events" VALUES(18,1.0,'ModulesChosen','{"type":"ModulesChosen","iteration":3,"parent":1,"modules":["planner","writer"],"records":["a","b"]}');
INSERT INTO "events" VALUES(19,1.0,'ModulesLeftOut','{"type":"ModulesLeftOut","reasons":{"planner":"stale","writer":"breaks"}}');
INSERT INTO "events" VALUES(20,1.0,'ChildrenProposed','{"type":"ChildrenProposed","iteration":3,"children":[{"planner":"Plan thrice."}],"reasons":{"writer":"refused"},"details":{"writer":"lost {answer}"},"repeated":1}');
INSERT INTO "events" VALUES(21,1.0,'Charged','{"type":"Charged","ledger":"r4","usage":{"input_tokens":70,"output_tokens":30,"dollars":0.25,"estimated":100},"reason":"the process died under it"}');
CREATE TABLE ledger (key TEXT PRIMARY KEY, body BLOB NOT NULL);
INSERT INTO "ledger" VALUES('r0',X'789C7550DB6E83300CFD95CACF08D156DD243E63AF2BAA42625AD62466B9B445887F9F13C654692A4F8ECDB94E10C601A1860FD29A628002F021CCA0D34EF28B77430C1EEA090C7A2FCEC8F3E7048EF22FC2FBDE07611350920DC8530DC7B87BABF6C758F1778CAAEB3A989B022C23B7C5AE3C14366A5D0417B1990BE810552BE4356978498E79AB72774884C62C847747F6CC12ED7832A462929E60D0C25A747C0E441B7F211780E9A8FD4219FA1B66D3ADC35B1F46A8B76535F3550AAD9704D7DEAA05AB99D9924A79564E5E0893161E8593177EF776EDE13BA263427864B5DC0F13C2081C119D237694F3414C752544C69E025DD13243B5A29E378AFB172ECD25BFD087DE88806CB062118FDCADCA47AE65692085F8B3DBA47A5FC8BDFF93DB3FC92D4E5FE96D93DE6F26AE6823ACBF2FED705DC94133FF00757AC120');
CREATE TABLE notes (
        key TEXT PRIMARY KEY, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, dollars REAL
    , estimated INTEGER NOT NULL DEFAULT 0);
INSERT INTO "notes" VALUES('r9',1,2,NULL,3);
CREATE TABLE settings (key TEXT PRIMARY KEY, body TEXT NOT NULL);
INSERT INTO "settings" VALUES('seed','0');
COMMIT;
