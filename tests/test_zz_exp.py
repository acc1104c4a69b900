import time, sys
sys.path.insert(0,"/work/main/tests")
from planted import *
sys.path.insert(0,"/work/main/tests")
def test_x(spark, empty_warehouse, tmp_path):

    from models_ml.training_set import training_set
    from models_ml.trained_models import trained_models
    from models_ml.training_spec import TrainingSpec
    from models_ml.tracking import Tracking, load_model
    from models_ml.training import train
    from models_ml.prediction import predict
    t=time.time()
    def lap(s):
        nonlocal t
        print(s, round(time.time()-t,1), flush=True); t=time.time()
    plant(spark); lap("plant")
    f,l=spark.table("marts.fct_user_features"),spark.table("marts.fct_churn_labels")
    d=training_set(f,l,TrainingSpec(),NAMES+HAZARD_NAMES); lap("set")
    m=trained_models(d,TrainingSpec()); lap("models six")
    print(m.folds, {n:e.metrics["auc"].value for n,e in m.evaluations.items()})
    print([ (x.found.algorithm.name,str(x.found.point)) for x in m.fitted])
    tr=Tracking.open(tmp_path/"m"); lap("open")
    p=tr.publish("x",m.pipeline,m.parameters,m.metrics); lap("publish")
    load_model(p.model_uri,tmp_path); lap("load")
    r=train(spark,TrainingSpec(algorithms=LINEAR),tmp_path/"m",NAMES); lap("train LR")
    r=train(spark,TrainingSpec(algorithms=LINEAR),tmp_path/"m",NAMES); lap("train LR 2")
    print(r.promotion)
    predict(spark,LABEL,MONDAYS[5],None); lap("predict")
    predict(spark,LABEL,MONDAYS[5],None); lap("predict2")
    d2=training_set(f,l,TrainingSpec(algorithms=LINEAR),NAMES); lap("set")
    m=trained_models(d2,TrainingSpec(algorithms=LINEAR)); lap("models LR")
    m=trained_models(d2,TrainingSpec(algorithms=LINEAR,imbalance="smote")); lap("models LR smote")
